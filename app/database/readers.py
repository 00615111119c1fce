"""Connections that read one file: nobody who reads waits for another reader."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

MOST_KEPT = 2
"""So many connections stay open while nobody reads."""


class Readers:
    """The connections that read. Any thread.

    Each is lent to one reader at a time; where all are lent, another one is opened: the window reads while a
    long search goes on. Where only one can be had, readers wait for each other.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._free: list[sqlite3.Connection] = []
        self._lent = 0
        self._is_replaced = False
        self._connect: Callable[[], sqlite3.Connection] | None = None
        self._watch_lock = threading.Lock()
        self._watching: sqlite3.Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection. Raises `sqlite3.Error`."""
        connection = self._borrow()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def state(self) -> tuple[object, int]:
        """Compares equal as long as nobody has written, in this process or another one. Raises
        `sqlite3.Error`."""
        with self._watch_lock:
            if self._connect is None:
                with self.reading() as lent:
                    return lent, _version(lent)
            # One for this alone: each counts by itself what others write.
            self._watching = self._watching or self._connect()
            return self._watching, _version(self._watching)

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Keep readers off until the end: those that are at it are waited for, and all connections closed."""
        with self._watch_lock:
            with self._changed:
                self._changed.wait_for(lambda: not self._is_replaced)
                self._is_replaced = True
                self._changed.wait_for(lambda: not self._lent)
            try:
                self._close()
                yield
            finally:
                with self._changed:
                    self._is_replaced = False
                    self._changed.notify_all()

    def begin(self, first: sqlite3.Connection, connect: Callable[[], sqlite3.Connection] | None) -> None:
        """Read with `first`, which is owned from now on, and with what `connect` opens, unless that is None;
        within `replacing`, or before anybody reads."""
        self._free = [first]
        self._connect = connect

    def _borrow(self) -> sqlite3.Connection:
        while True:
            with self._changed:
                self._changed.wait_for(self._may_borrow)
                if self._free:
                    self._lent += 1
                    return self._free.pop()
                if self._connect is None:
                    raise sqlite3.ProgrammingError("the file is closed")
                self._lent += 1
                connect = self._connect
            try:
                return connect()
            except sqlite3.Error as error:
                if self._end_loan() == 0:
                    raise
                log.warning("readers wait for each other, as no other connection can be had: %s", error)
                self._connect = None
            except BaseException:
                # Else the loan would never end, and closing would wait for it.
                self._end_loan()
                raise

    def _may_borrow(self) -> bool:
        if self._is_replaced:
            return False
        # What is closed has none at all, and nobody to wait for.
        return bool(self._free) or self._connect is not None or not self._lent

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._changed:
            keeps = len(self._free) < MOST_KEPT
            if keeps:
                self._free.append(connection)
        try:
            if not keeps:
                connection.close()
        finally:
            self._end_loan()

    def _end_loan(self) -> int:
        """Give the number of those that are still lent."""
        with self._changed:
            self._lent -= 1
            self._changed.notify_all()
            return self._lent

    def _close(self) -> None:
        for connection in (*self._free, *filter(None, [self._watching])):
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._free, self._connect, self._watching = [], None, None


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
