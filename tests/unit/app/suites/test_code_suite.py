"""Answers to programming tasks are run in the sandbox, and nowhere else."""

import pytest

from app.bench.quality.item import Item
from app.code.sandbox.run import Sandbox
from app.suites.code_suite import CodeSuite


@pytest.fixture(scope="module")
def suite() -> CodeSuite:
    return CodeSuite(Sandbox())


@pytest.fixture(scope="module")
def item(suite: CodeSuite) -> Item:
    collection = suite.collection()
    if collection is None:
        pytest.skip("this computer has no sandbox")
    assert len(collection.items) == 50
    return collection.items[0]


def test_the_reference_is_right_and_as_long_as_itself(suite: CodeSuite, item: Item) -> None:
    verdict, problem, scores = suite.judge(item, f"Here:\n```python\n{item.expected[0]}\n```", None)
    assert (verdict, problem) == ("right", "")
    assert (scores["syntax"], scores["tests"], scores["length_ratio"]) == (1.0, 1.0, 1.0)


def test_what_is_no_program_is_wrong_and_says_why(suite: CodeSuite, item: Item) -> None:
    verdict, problem, scores = suite.judge(item, "```python\ndef broken(:\n```", None)
    assert verdict == "wrong"
    assert problem
    assert scores["syntax"] == 0.0


def test_without_a_sandbox_there_are_no_tasks() -> None:
    assert CodeSuite(Sandbox(back_ends=())).collection() is None
