"""A disk that takes nothing for a while: whoever has written waits in `fsync` for it."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from tests.support.waiting import WAIT_S

T = TypeVar("T")

HANGS_S = WAIT_S
"""A call that has not come back by then waits for the disk."""


class HeldDisk:
    """Stands in for a disk that is busy or hangs: the files are real ones."""

    def __init__(self) -> None:
        self.is_waited_for = threading.Event()
        self.goes_on = threading.Event()
        self._fsync = os.fsync

    def fsync(self, handle: int) -> None:
        """Write the file through once the disk goes on."""
        self.is_waited_for.set()
        assert self.goes_on.wait(HANGS_S)
        self._fsync(handle)

    def wait_for_writer(self) -> None:
        """Return when somebody has written, and waits for the disk."""
        assert self.is_waited_for.wait(HANGS_S)


@contextmanager
def held_disk() -> Iterator[HeldDisk]:
    """Hold every `fsync` of this process until `goes_on` is set, or the context ends."""
    disk = HeldDisk()
    before, os.fsync = os.fsync, disk.fsync
    try:
        yield disk
    finally:
        disk.goes_on.set()
        os.fsync = before


def at_once(call: Callable[[], T]) -> T:
    """Return what `call` gives, on a thread beside this one; fails where it waits for a disk that is held."""
    done: Future[T] = Future()

    def do() -> None:
        try:
            done.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is the test's
            done.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    return done.result(HANGS_S)
