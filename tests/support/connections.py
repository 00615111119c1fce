"""The SQLite connections that a store opens, for what only they can be asked."""

import sqlite3
from typing import Any

import pytest


class Connections:
    """Those that are opened from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._made: list[sqlite3.Connection] = []
        connect = sqlite3.connect

        def note(*arguments: Any, **options: Any) -> sqlite3.Connection:
            self._made.append(connect(*arguments, **options))
            return self._made[-1]

        monkeypatch.setattr(sqlite3, "connect", note)

    @property
    def writer(self) -> sqlite3.Connection:
        """The one that is open and may write."""
        [found] = [one for one in self._made if _may_write(one)]
        return found

    def fill_disk(self) -> None:
        """Let no write grow the file."""
        self.writer.execute("PRAGMA max_page_count = 1")


def _may_write(connection: sqlite3.Connection) -> bool:
    try:
        return not connection.execute("PRAGMA query_only").fetchone()[0]
    except sqlite3.ProgrammingError:
        return False
