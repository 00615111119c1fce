"""Connections that read one file: nobody who reads waits for another reader, or for a new file."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

MOST_KEPT = 2
"""So many connections stay open while nobody reads."""

Connect = Callable[[], sqlite3.Connection]


class _Pool:
    """The connections to one file; `connect` None can open no more. Guarded by its owner."""

    def __init__(self, first: sqlite3.Connection | None, connect: Connect | None, *, is_kept: bool) -> None:
        self.free = [] if first is None else [first]
        self.connect = connect
        self.is_kept = is_kept
        """It is not there for the time of a replacement alone."""
        self.lent = 0

    @property
    def may_lend(self) -> bool:
        # What is closed has none at all, and nobody to wait for.
        return bool(self.free) or self.connect is not None or not self.lent

    def close(self) -> None:
        for connection in self.free:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self.free, self.connect = [], None


class Readers:
    """The connections that read. Any thread.

    Each is lent to one reader at a time; where all are lent, another one is opened: the window reads while a
    long search goes on. Where only one can be had, readers wait for each other.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pool: _Pool | None = _Pool(None, None, is_kept=True)
        """None while readers are kept off."""
        self._next: _Pool | None = None
        self._is_replaced = False
        self._watch_lock = threading.Lock()
        """Whoever holds it waits for no reader."""
        self._watching: sqlite3.Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection. Raises `sqlite3.Error`."""
        pool, connection = self._borrow()
        try:
            yield connection
        finally:
            self._give_back(pool, connection)

    def state(self) -> tuple[object, int]:
        """Compares equal as long as nobody has written, in this process or another one. Raises
        `sqlite3.Error`."""
        with self._watch_lock:
            pool = self._pool
            if pool is not None and pool.is_kept and pool.connect is not None:
                # One for this alone: each counts by itself what others write.
                self._watching = self._watching or pool.connect()
                return self._watching, _version(self._watching)
        with self.reading() as lent:
            return lent, _version(lent)

    @contextmanager
    def replacing(self, meanwhile: Connect | None = None) -> Iterator[None]:
        """Close all connections until the end; those that are lent are waited for.

        Who comes to read meanwhile is lent what `meanwhile` opens now, which is closed at the end, too. Where
        that is None, or opens nothing, he waits.
        """
        instead = _opened(meanwhile)
        with self._changed:
            self._changed.wait_for(lambda: not self._is_replaced)
            self._is_replaced = True
            before, self._pool, self._next = self._pool, instead, None
            self._changed.notify_all()
        assert before is not None
        try:
            self._end(before)
            with self._watch_lock:
                # From here on nobody watches the file, as it is not kept.
                watching, self._watching = self._watching, None
            if watching is not None:
                with contextlib.suppress(sqlite3.Error):
                    watching.close()
            yield
        finally:
            with self._changed:
                self._pool = self._next or _Pool(None, None, is_kept=True)
                self._is_replaced = False
                self._changed.notify_all()
            if instead is not None:
                self._end(instead)

    def begin(self, first: sqlite3.Connection, connect: Connect | None) -> None:
        """Read with `first`, which is owned from now on, and with what `connect` opens, unless that is None;
        within `replacing`, or before anybody reads."""
        pool = _Pool(first, connect, is_kept=True)
        with self._changed:
            if self._is_replaced:
                self._next = pool
            else:
                self._pool = pool

    def _borrow(self) -> tuple[_Pool, sqlite3.Connection]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pool is not None and self._pool.may_lend)
                pool = self._pool
                assert pool is not None
                if pool.free:
                    pool.lent += 1
                    return pool, pool.free.pop()
                if pool.connect is None:
                    raise sqlite3.ProgrammingError("the file is closed")
                pool.lent += 1
                connect = pool.connect
            try:
                return pool, connect()
            except sqlite3.Error as error:
                if self._end_loan(pool) == 0:
                    raise
                log.warning("readers wait for each other, as no other connection can be had: %s", error)
                pool.connect = None
            except BaseException:
                # Else the loan would never end, and closing would wait for it.
                self._end_loan(pool)
                raise

    def _give_back(self, pool: _Pool, connection: sqlite3.Connection) -> None:
        with self._changed:
            keeps = len(pool.free) < MOST_KEPT
            if keeps:
                pool.free.append(connection)
        try:
            if not keeps:
                connection.close()
        finally:
            self._end_loan(pool)

    def _end_loan(self, pool: _Pool) -> int:
        """Give the number of those that are still lent."""
        with self._changed:
            pool.lent -= 1
            self._changed.notify_all()
            return pool.lent

    def _end(self, pool: _Pool) -> None:
        """Close the connections of a pool that lends nothing any more."""
        with self._changed:
            self._changed.wait_for(lambda: not pool.lent)
        pool.close()


def _opened(connect: Connect | None) -> _Pool | None:
    if connect is None:
        return None
    pool = _Pool(None, None, is_kept=False)
    try:
        # All now: later the file may have another name.
        for _ in range(MOST_KEPT):
            pool.free.append(connect())
    except (sqlite3.Error, OSError) as error:
        log.warning("readers wait for the replacement: %s", error)
    return pool if pool.free else None


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
