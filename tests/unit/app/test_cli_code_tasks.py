"""`stillroom code-tasks` with the real program and a model of few layers."""

import signal
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.starter_variants import shallow_path


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "home")


def test_a_model_writes_programs_that_are_run(cli: Cli) -> None:
    ran = cli("code-tasks", shallow_path(), "--items", "2", "--rounds", "1", "--max-tokens", "128", "--json")
    assert ran.code == 0, ran.err
    document = ran.json()
    assert document["items"] == 2
    assert document["sandbox"] in ("bubblewrap", "namespaces", "landlock")
    assert [task["key"] for task in document["tasks"]] == ["01-sum-of-two", "02-is-even"]
    assert document["passed"]["n"] == 2
    assert document["passed"]["right"] >= document["first_passed"]["right"]
    assert document["tasks"][0]["tests_total"] == 3


def test_an_interrupt_ends_it(cli: Cli) -> None:
    process = cli.start("code-tasks", shallow_path(), "--rounds", "1", "--max-tokens", "128")
    assert process.stdout is not None
    assert process.stdout.readline().startswith((b"passed", b"failed"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
