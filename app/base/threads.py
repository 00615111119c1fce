"""Threads whose beginning nobody waits for.

`threading.Thread.start` returns when the new thread has run for the first time. While programs that compute
hold every processor that takes some tens of milliseconds, in which a window stands still.
"""

import atexit
import functools
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
_Begun = tuple[Callable[[], object], str, threading.Event]


def start_thread(work: Callable[[], object], name: str) -> threading.Event:
    """Call `work` in a daemon thread of this name; returns at once an event that is set when it is over, also
    by an exception. Any thread.

    Where no thread can be started any more, `work` is done by the thread that starts them.
    """
    ended = threading.Event()
    _starter().put((work, name, ended))
    return ended


class OneByOne:
    """Does one work after the other in a thread of its own, which is there while there is some. Any thread.

    The interpreter waits for its work at its end.
    """

    def __init__(self, name: str, *, stays: bool = False) -> None:
        """`name` is the thread's. It `stays` until `close` where the children that it starts are to: on Linux
        they end with it."""
        self._name = name
        self._stays = stays
        self._has_thread = False
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._is_running = False

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Let `work` be done after what waits; returns at once."""
        future: Future[T] = Future()
        with self._changed:
            self._waiting.append((future, work))
            self._is_running = True
            _BUSY.add(self)
            begins, self._has_thread = not self._has_thread, True
            self._changed.notify_all()
        if begins:
            start_thread(self._run, self._name)
        return future

    def cancel(self) -> None:
        """Cancel what has not begun."""
        with self._changed:
            waiting, self._waiting = self._waiting, deque()
        for future, _ in waiting:
            future.cancel()

    def close(self) -> None:
        """Cancel what has not begun, and let the thread end after that which has."""
        self.cancel()
        with self._changed:
            self._stays = False
            self._changed.notify_all()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is left to do; False where that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_running, timeout_s)

    def finish(self) -> None:
        """Wait until nothing is left to do."""
        self.wait()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._is_running = False
                    _BUSY.discard(self)
                    self._changed.notify_all()
                    # Where none could be started, this is the thread that starts others.
                    if not self._stays or threading.current_thread().name != self._name:
                        self._has_thread = False
                        return
                    self._changed.wait()
                future, work = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    result = work()
                except BaseException as error:  # noqa: BLE001 - it is the future's
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            # While it waits it keeps nothing alive.
            del future, work


_BUSY: set[OneByOne] = set()
"""Those that have something to do."""


@atexit.register
def _finish() -> None:
    for busy in list(_BUSY):
        busy.wait()


@functools.cache
def _starter() -> "SimpleQueue[_Begun]":
    """Give the queue of what is to be started, by a thread that does nothing else."""
    wanted: SimpleQueue[_Begun] = SimpleQueue()
    threading.Thread(target=_start_all, args=(wanted,), name="starter", daemon=True).start()
    return wanted


def _start_all(wanted: "SimpleQueue[_Begun]") -> None:
    while True:
        work, name, ended = wanted.get()
        try:
            threading.Thread(target=_do, args=(work, ended), name=name, daemon=True).start()
        except RuntimeError:
            # There are as many as the system allows, or the interpreter is at its end.
            log.warning("no thread could be started for %s", name)
            try:
                _do(work, ended)
            except Exception:
                log.exception("done by the thread that starts others")
        # While it waits it keeps nothing alive.
        del work, ended


def _do(work: Callable[[], object], ended: threading.Event) -> None:
    try:
        work()
    finally:
        ended.set()
