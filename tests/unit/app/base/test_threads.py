"""Threads that are begun while no processor is free: whoever begins one goes on."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError

import pytest

from app.base.threads import OneByOne, start_thread
from tests.support.held_disk import HANGS_S


def raised_elsewhere(monkeypatch: pytest.MonkeyPatch, *, by: Callable[[], bool]) -> None:
    """Let a thread's start fail where `by` says so."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if by():
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_nothing_is_started_by_the_thread_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    start_thread(lambda: None, "the first")
    raised_elsewhere(monkeypatch, by=lambda: threading.current_thread() is threading.main_thread())
    names: list[str] = []
    done = threading.Event()

    def work() -> None:
        names.append(threading.current_thread().name)
        done.set()

    start_thread(work, "a name")
    assert done.wait(HANGS_S)
    assert OneByOne("another").submit(lambda: threading.current_thread().name).result(HANGS_S) == "another"
    assert names == ["a name"]


def test_where_no_thread_can_be_started_the_work_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start_thread(lambda: None, "the first")
    raised_elsewhere(monkeypatch, by=lambda: threading.current_thread() is not threading.main_thread())
    thread = OneByOne("a name")

    def fail() -> None:
        raise OSError("no")

    start_thread(fail, "a failure, which is logged")
    assert thread.submit(lambda: 7).result(HANGS_S) == 7


def test_works_follow_one_another() -> None:
    thread = OneByOne("a name")
    began, goes_on = threading.Event(), threading.Event()
    done: list[int] = []

    def first() -> None:
        began.set()
        assert goes_on.wait(HANGS_S)
        done.append(1)

    thread.submit(first)
    assert began.wait(HANGS_S)
    second = thread.submit(lambda: done.append(2))
    assert not thread.wait(0.0)
    goes_on.set()
    assert thread.wait(HANGS_S)
    assert second.done()
    assert done == [1, 2]


def test_a_failure_is_told_and_the_next_is_done() -> None:
    thread = OneByOne("a name")

    def fail() -> None:
        raise OSError("no")

    failed, good = thread.submit(fail), thread.submit(lambda: 7)
    assert isinstance(failed.exception(HANGS_S), OSError)
    assert good.result(HANGS_S) == 7


def test_what_is_cancelled_is_not_done() -> None:
    thread = OneByOne("a name")
    began, goes_on = threading.Event(), threading.Event()

    def first() -> bool:
        began.set()
        return goes_on.wait(HANGS_S)

    running = thread.submit(first)
    assert began.wait(HANGS_S)
    waiting = thread.submit(lambda: None)
    thread.cancel()
    goes_on.set()
    assert running.result(HANGS_S)
    with pytest.raises(CancelledError):
        waiting.result(HANGS_S)
    assert thread.submit(lambda: 7).result(HANGS_S) == 7


ENDS = """
import time
from app.base.threads import OneByOne
OneByOne("a name").submit(lambda: (time.sleep(0.3), print("done", flush=True)))
"""


def test_the_interpreter_waits_for_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDS], capture_output=True, text=True, timeout=HANGS_S, check=True
    )
    assert ended.stdout == "done\n"


def test_one_that_stays_does_all_its_work_in_the_same_thread() -> None:
    """Children that it has started end with it."""
    thread = OneByOne("a name", stays=True)
    threads = []
    for _ in range(3):
        threads.append(thread.submit(threading.current_thread).result(HANGS_S))
        assert thread.wait(HANGS_S)
    assert len(set(threads)) == 1
    assert threads[0].is_alive()
    thread.close()
    threads[0].join(HANGS_S)
    assert not threads[0].is_alive()


def test_what_is_cancelled_before_it_begins_leaves_nothing_to_wait_for() -> None:
    thread = OneByOne("a name", stays=True)
    assert thread.submit(lambda: 1).result(HANGS_S) == 1
    for _ in range(200):
        thread.submit(lambda: 1)
        thread.cancel()
    assert thread.wait(HANGS_S)
    thread.close()


def test_where_no_thread_can_be_started_none_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    start_thread(lambda: None, "the first")
    raised_elsewhere(monkeypatch, by=lambda: threading.current_thread() is not threading.main_thread())
    for number in range(3):
        assert OneByOne(f"number {number}", stays=True).submit(lambda: 7).result(HANGS_S) == 7
