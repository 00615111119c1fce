import pytest

from app.code.programming_tasks import ProgrammingTask, code_of_answer, judge, load_tasks, task_prompt
from app.code.sandbox.run import Sandbox

SANDBOX = Sandbox()


def task(name: str) -> ProgrammingTask:
    return next(task for task in load_tasks() if task.key.endswith(name))


def test_there_are_fifty_tasks_and_each_says_what_to_define() -> None:
    tasks = load_tasks()
    assert len(tasks) == 50
    assert len({task.title for task in tasks}) == 50
    assert all(f"`{task.entry}(" in " ".join(task.prompt.split()) for task in tasks)
    assert all(task.entry in task.tests for task in tasks)
    assert "code block" in task_prompt(tasks[0])


@pytest.mark.parametrize("name", ["sum-of-two", "lru-cache", "parse-duration"])
def test_a_reference_passes_its_tests(name: str) -> None:
    assert_reference_passes(task(name))


@pytest.mark.faults
@pytest.mark.parametrize("task", load_tasks(), ids=lambda task: task.key)
def test_every_reference_passes_its_tests(task: ProgrammingTask) -> None:
    assert_reference_passes(task)


def assert_reference_passes(task: ProgrammingTask) -> None:
    judgement = judge(task, task.reference, SANDBOX)
    assert judgement.problem == ""
    assert judgement.passed
    assert judgement.tests_total >= 2


def test_an_empty_program_passes_no_task() -> None:
    judgement = judge(task("is-even"), "def is_even(n):\n    pass\n", SANDBOX)
    assert judgement.syntax_valid
    assert not judgement.passed
    assert judgement.tests_passed == 0
    assert "it is not so" in judgement.problem


def test_wrong_syntax_is_told_with_its_line() -> None:
    judgement = judge(task("is-even"), "def is_even(n):\n    return n %% 2\n", SANDBOX)
    assert not judgement.syntax_valid
    assert "line 2" in judgement.problem
    assert judgement.tests_total == 4


def test_the_program_of_an_answer_is_the_block_that_defines_the_name() -> None:
    answer = (
        "First:\n```python\nprint(1)\n```\nthen\n```python\ndef add(a, b):\n    return a\n```\n```\n3\n```\n"
    )
    assert code_of_answer(answer, "add") == "def add(a, b):\n    return a"
    assert code_of_answer("def add(a, b):\n    return a + b", "add").endswith("a + b")
    assert code_of_answer("I cannot.", "add") == ""
