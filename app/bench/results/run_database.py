"""A file of measurements: one SQLite database whose rows have checksums."""

import contextlib
import logging
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec

from app.base.errors import StillroomError
from app.database.database import CheckedDatabase
from app.database.row_sums import is_as_written
from app.database.schema import Schema, Table
from models.system.disk_space import DiskFullError
from models.system.notices import tell
from models.system.shown_text import MOST_OF_A_VALUE, shown

log = logging.getLogger(__name__)

MOST_ROW_BYTES = 8 << 20
"""Of a row's JSON; the answers of a long conversation take one."""

T = TypeVar("T")


def bounded(column: str, most_bytes: int = MOST_ROW_BYTES) -> str:
    """A column's bytes as SQL, for `BenchDatabase.usable`; none where they are more than a row has."""
    return f"iif(length(CAST({column} AS BLOB)) <= {most_bytes}, CAST({column} AS BLOB), NULL)"


def decoded(data: bytes, kind: type[T]) -> T:
    """Decode a row's JSON. Raises `ValueError` where it is something else."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error


def readable(column: str, kind: Any = Any) -> Callable[[dict[str, object]], None]:
    """For `Table.fit`: a damaged row whose JSON in that column cannot be read is of no use."""

    def fit(values: dict[str, object]) -> None:
        try:
            decoded(str(values.get(column, "")).encode(), kind)
        except ValueError as error:
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

    def usable(self, data: bytes | None, read: Callable[[bytes], T]) -> T | None:
        """Give what `read` makes of a row's bytes. None where it raises `ValueError` or `StillroomError`, or
        where there are none: the row stays in the file, and the user is told that it is not shown."""
        try:
            if data is None:
                raise ValueError("it is too large")
            return read(data)
        except (ValueError, StillroomError) as error:
            log.warning("a row of %s is left out: %s", self.path.name, shown(str(error), MOST_OF_A_VALUE))
        tell(
            StillroomError(
                "{file} holds entries that this Stillroom cannot read. They are not shown, and stay there.",
                "A newer Stillroom may have written them.",
                file=self.path.name,
            )
        )
        return None

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
