"""The end of the program in time: one deadline for all of its parts, and then no process of it is left."""

import contextlib
import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NoReturn

import psutil

from app.base.stacks import thread_stacks
from app.base.threads import start_thread

log = logging.getLogger(__name__)

ENDING_S = 1.8
"""From the wish to end until what has not ended is ended by force; the rest of three seconds is for that, in
which a processor with much else to do gives it little time."""

FORCING_S = 0.6
"""Longest time for that force, which is a thread of Python's: what holds the interpreter holds it, too."""

NAMING_S = 0.1
LOG_S = 0.4
NAMED_CALLS = 3
"""Of each thread that hangs, the innermost."""


class Ending:
    """The one deadline. Any thread; it begins once."""

    def __init__(self, within_s: float = ENDING_S, status: int | None = None) -> None:
        """End the process with `status` and kill all its descendants when the time is over, whatever hangs;
        without a status end nothing by force: this is a part of another program, such as a test."""
        self._within_s = within_s
        self._status = status
        self._lock = threading.Lock()
        self._until_s: float | None = None

    def begin(self) -> None:
        """The time counts from now on."""
        with self._lock:
            if self._until_s is not None:
                return
            self._until_s = time.monotonic() + self._within_s
        if self._status is not None:
            # A daemon: where everything ends by itself, nobody waits for it.
            start_thread(self._watch, "ending")
            _end_from_outside(self._within_s + FORCING_S)

    def left_s(self) -> float:
        """Seconds until the deadline; all of them before it has begun."""
        with self._lock:
            until_s = self._until_s
        return self._within_s if until_s is None else max(0.0, until_s - time.monotonic())

    def end_children(self) -> None:
        """Kill what is left of the program's other processes; what waits for one of them goes on."""
        if self._status is not None:
            end_children()

    def _watch(self) -> None:
        time.sleep(self.left_s())
        assert self._status is not None
        end_process(self._status)


def close_together(closers: Sequence[Callable[[], object]], within_s: float) -> bool:
    """Call each on a thread of its own and wait for all of them; False where one is not done in time.

    What is not done is left behind: its thread is a daemon. A failure is logged.
    """
    threads = [threading.Thread(target=_close, args=(closer,), daemon=True) for closer in closers]
    for thread in threads:
        thread.start()
    until_s = time.monotonic() + within_s
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    late = [closer for closer, thread in zip(closers, threads, strict=True) if thread.is_alive()]
    for closer in late:
        log.warning("not closed in time: %s", getattr(closer, "__qualname__", closer))
    return not late


def end_children() -> None:
    """Kill every process below this one, those that are stopped too."""
    own = psutil.Process()
    # A second look: one may have started another while the first was taken.
    for _ in range(2):
        children = own.children(recursive=True)
        if not children:
            return
        for child in children:
            try:
                child.kill()
            except psutil.Error as error:
                log.debug("process %d: %s", child.pid, error)


def end_process(status: int) -> None:
    """End this process and all below it now; what hangs is named in the log."""
    # As they hang, before their processes are gone.
    hanging = _threads()
    # They end while the log is written: to free what they hold takes a while.
    end_children()
    # The disk may be what hangs.
    close_together([partial(_name_threads, hanging)], NAMING_S)
    os._exit(status)


def end_at_once(status: int) -> NoReturn:
    """End this process, all of whose parts are closed, without the interpreter's own end: that waits for
    every worker thread and deletes Qt's objects in any order, and has taken seconds."""
    # A line that the disk does not take holds nobody.
    close_together([logging.shutdown], LOG_S)
    for stream in (sys.stdout, sys.stderr):
        # Closed, or a reader that is gone.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(status)


def _end_from_outside(after_s: float) -> None:
    """End the process then, whoever holds the interpreter: by a thread that needs nothing of Python. Its
    children end with it (`parent_death.py`)."""
    # Where there is no stderr to say in what every thread was at.
    with contextlib.suppress(AttributeError, OSError, RuntimeError, ValueError):
        faulthandler.dump_traceback_later(after_s, exit=True)


def _threads() -> dict[str, list[str]]:
    """Say where each thread is."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {names.get(ident, str(ident)): calls[:NAMED_CALLS] for ident, calls in thread_stacks().items()}


def _name_threads(threads: Mapping[str, Sequence[str]]) -> None:
    for name, calls in threads.items():
        log.warning("ended by force; thread %s was at:\n%s", name, "\n".join(calls))
    for handler in logging.getLogger().handlers:
        handler.flush()


def _close(closer: Callable[[], object]) -> None:
    try:
        closer()
    except Exception:
        log.exception("not closed as it should be")
