"""A file of measurements: one SQLite database whose rows have checksums."""

import contextlib
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from app.base.errors import StillroomError
from app.database.database import CheckedDatabase
from app.database.row_sums import is_as_written
from app.database.schema import Schema, Table
from models.system.disk_space import DiskFullError


def readable(column: str, kind: Any = Any) -> Callable[[dict[str, object]], None]:
    """For `Table.fit`: a damaged row whose JSON in that column cannot be read is of no use."""

    def fit(values: dict[str, object]) -> None:
        try:
            msgspec.json.decode(str(values.get(column, "")), type=kind)
        except msgspec.DecodeError as error:
            raise ValueError(column) from error

    return fit


class BenchDatabase(CheckedDatabase, ABC):
    """The base of the stores: one SQLite file (WAL, synchronous=FULL). Any thread.

    What is found damaged is put right from what is left and the backups (see `recovery`). Every method raises
    `StillroomError`.
    """

    migrations: ClassVar[tuple[str, ...]]
    """The steps of its schema, never edited once released."""
    tables: ClassVar[tuple[Table, ...]]

    # Most transactions only read, and other processes write meanwhile.
    _begin = "BEGIN"

    def __init__(self, path: Path) -> None:
        super().__init__(path, Schema(self.migrations, self.tables, self._newer, {}))

    @abstractmethod
    def _newer(self, found: int, known: int) -> StillroomError:
        """The error for the file of a newer Stillroom: its schema is `found`, this one knows `known`."""

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The open file; what is done in the block is on the disk after it, or nothing of it. It can only be
        read while the disk takes nothing."""
        with self.reading() if self.refused is not None else self.writing() as db:
            yield db


class RunDatabase(BenchDatabase, ABC):
    """The base of those that keep runs, in a table `runs` with a column `deleted_at`.

    A deleted run can be brought back until the file is opened again.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if self.refused is not None:
            return
        with contextlib.suppress(DiskFullError), self.transaction() as db:
            # One with a flipped bit may not have been deleted at all.
            db.execute(f"DELETE FROM runs WHERE deleted_at IS NOT NULL AND {is_as_written(db, 'runs')}")

    def delete(self, ids: Sequence[str]) -> None:
        """Hide runs; `restore` brings them back."""
        self._mark(ids, time.time())

    def restore(self, ids: Sequence[str]) -> None:
        """Undo `delete`."""
        self._mark(ids, None)

    def _mark(self, ids: Sequence[str], deleted_at: float | None) -> None:
        with self.transaction() as db:
            db.executemany("UPDATE runs SET deleted_at = ? WHERE id = ?", [(deleted_at, id_) for id_ in ids])
