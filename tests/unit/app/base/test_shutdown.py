"""One deadline for the end of the program, and what is done when it is over."""

import subprocess
import sys
import threading
import time

import psutil

from app.base.shutdown import ENDING_S, FORCING_S, Ending, close_together

WAIT_S = 60.0

STUCK = """
import signal, subprocess, sys, threading
from app.base.shutdown import Ending
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
child.send_signal(signal.SIGSTOP)
print(child.pid, flush=True)
Ending(0.2, status=7).begin()
threading.Thread(target=threading.Event().wait).start()
"""


def test_what_hangs_is_ended_by_force_with_a_child_that_is_stopped() -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        child = int(program.stdout.readline())
        assert program.wait(WAIT_S) == 7
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


HELD = """
import re
from app.base.shutdown import Ending
Ending(0.2, status=7).begin()
print("begun", flush=True)
re.match("(a+)+$", "a" * 60 + "b")
"""


def test_what_never_gives_the_interpreter_back_is_ended_too() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HELD], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        try:
            _, said = program.communicate(timeout=WAIT_S)
        finally:
            program.kill()
    assert program.returncode == 1
    assert b"re/__init__.py" in said, "what held it is told"


def test_the_force_comes_in_time_for_the_three_seconds_that_are_promised() -> None:
    assert ENDING_S + FORCING_S <= 2.5, "the rest is the system's, which frees what the processes held"


def test_all_are_closed_at_once_and_one_that_hangs_holds_nobody() -> None:
    never, met = threading.Event(), threading.Barrier(3)
    failed: list[str] = []

    def fails() -> None:
        met.wait(WAIT_S)
        failed.append("yes")
        raise ValueError

    assert close_together([lambda: met.wait(WAIT_S), fails, lambda: met.wait(WAIT_S)], WAIT_S)
    assert failed
    assert not close_together([never.wait, lambda: None], 0.05)
    never.set()


def test_the_time_counts_from_the_first_wish() -> None:
    ending = Ending(WAIT_S)
    assert ending.left_s() == WAIT_S
    ending.begin()
    time.sleep(0.01)
    left_s = ending.left_s()
    ending.begin()
    assert ending.left_s() <= left_s < WAIT_S
