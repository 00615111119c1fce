"""One deadline for the end of the program, and what is done when it is over."""

import subprocess
import sys
import threading
import time

import psutil

from app.base.ending import Ending, close_together

WAIT_S = 60.0

STUCK = """
import signal, subprocess, sys, threading
from app.base.ending import Ending
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
