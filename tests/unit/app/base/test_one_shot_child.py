"""One question to a child of its own."""

import sys
import threading

import pytest

from app.base.errors import Cancelled
from app.base.one_shot_child import ask_child
from tests.support.children import running_children

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_the_answer_the_last_words_and_the_code_come_back() -> None:
    script = r"import sys; print(sys.stdin.read() * 2, end=''); print('a\nb ', file=sys.stderr); sys.exit(3)"
    script = f"import time; time.sleep(0.3); {script}"  # longer than a look
    answer = ask_child([sys.executable, "-c", script], b"ab" * 500_000)
    assert (answer.data, answer.last_words, answer.returncode) == (b"ab" * 1_000_000, "b", 3)


def test_it_ends_when_cancelled_or_late_and_leaves_no_process() -> None:
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        ask_child(SLEEPS, b"", cancel=cancel, on_wait=lambda waited_s: cancel.set())
    with pytest.raises(TimeoutError):
        ask_child(SLEEPS, b"", limit_s=0.2)
    assert not running_children(SLEEPS)


def test_a_child_can_be_given_an_environment() -> None:
    script = "import os; print(os.environ.get('CHOSEN'), os.environ['PYTHONSAFEPATH'], end='')"
    answer = ask_child([sys.executable, "-c", script], b"", environment={"CHOSEN": "so"})
    assert answer.data == b"so 1"
