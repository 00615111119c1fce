"""A SQLite file whose rows have checksums: opened, checked, put right where it is damaged, backed up."""

import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from app.base.disk_reserve import LOW_BYTES, short_here, use_reserve
from app.base.errors import StillroomError
from app.database import backups
from app.database.commit_mark import CommitMark, read_mark
from app.database.damage_notices import DamageNotice, Recovery, row_notices, time_text
from app.database.integrity_check import is_damage, open_to_read, open_unchanging, problem_of
from app.database.read_only import cannot_write, is_out_of_room, is_refusal, read_only
from app.database.readers import Readers
from app.database.rebuild import Rebuilt, rebuild
from app.database.row_sums import add_functions, commits, count_commit, keep_sums, seal, summed_table
from app.database.schema import Schema, migrate, schema_version
from app.database.wal import mend_journal
from models.system.disk_space import SMALL_FILES_BYTES, DiskFullError, free_bytes, require_room
from models.system.durable import rename_durably
from models.system.json_file import make_way

log = logging.getLogger(__name__)

BUSY_S = 5.0
_ENDINGS = ("", "-wal", "-shm", "-journal", ".part", ".part-journal", ".rebuilt", ".reading", ".reading-wal")
"""Of the names of all files that are opened for a database."""
OPENING_BUDGET_S = 0.15
"""So long a file is checked while it is opened; `check` looks at all of it, on a worker thread."""


class CheckedDatabase:
    """A connection that writes, under a lock, and those that read: a reader waits for nobody.

    Any thread. Every transaction counts itself, in the file and in a mark beside it: a file that has lost its
    newest ones, or all, shows. Methods raise `StillroomError`, as `unusable` makes it, and `DiskFullError`.

    Where the disk is full or may not be written to, the file is opened all the same, to be read (`refused`);
    the next transaction, or `write_again`, opens it to be written once that can be.
    """

    _begin: ClassVar = "BEGIN IMMEDIATE"

    def __init__(self, path: Path, schema: Schema) -> None:
        """Open or create the file. What is found damaged is put right (see `recovery`); it is backed up
        before a migration."""
        self.path = path
        self.recovery: Recovery | None = None
        self._schema = schema
        self._write_lock = threading.Lock()
        self._readers = Readers()
        self._check_lock = threading.Lock()
        self._closing = threading.Event()
        self._writer: sqlite3.Connection | None = None
        self._refused: StillroomError | None = None
        with self._readable_errors():
            try:
                self._open_sound()
            except (sqlite3.Error, OSError, DiskFullError) as error:
                if not cannot_write(error, path.parent):
                    raise
                self._open_to_read(error)

    @property
    def refused(self) -> StillroomError | None:
        """The reason why nothing can be written now; None where it can."""
        return self._refused

    def write_again(self) -> None:
        """Open the file to be written, if it is not. Raises `StillroomError` where that cannot be yet."""
        with self._write_lock, self._readable_errors():
            self._may_write()

    def unusable(self, reason: str) -> StillroomError:
        """The error for a file that could not be read or written."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file; a check ends at once."""
        self._closing.set()
        with self._check_lock, self._write_lock, self._readers.replacing():
            self._close()

    def check(self) -> Recovery | None:
        """Look at the whole file, and put right what is damaged; None where nothing is.

        Takes as long as reading the file; not for the GUI thread. Readers go on meanwhile, and writers unless
        there is damage.
        """
        with self._check_lock, self._readable_errors():
            return self._check()

    def back_up_if_due(self) -> Path | None:
        """Make a backup if the newest is more than an hour old and something has changed since.

        A damaged file is put right first. Takes as long as copying and checking the file.
        """
        with self._check_lock, self._readable_errors():
            if self._writer is None or not backups.backup_is_due(self.path, datetime.now()):
                return None
            with self.reading() as db:
                number = commits(db)
            if backups.newest_has(self.path, number) or self._closing.is_set():
                return None
            made = backups.make_backup(self.path, self._schema, datetime.now(), self._closing.is_set)
            if made is None and self._check() is not None:
                made = backups.make_backup(self.path, self._schema, datetime.now(), self._closing.is_set)
            return made

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """The rows of a query."""
        with self.reading() as db:
            try:
                return db.execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", None) is not None:
                    raise
                # A text that is none any more is shown with marks in it until it is put right.
                db.text_factory = _readable_text
                return db.execute(query, values).fetchall()

    def state(self) -> tuple[object, int]:
        """Compares equal as long as nobody has written, in this process or another one."""
        with self._readable_errors():
            return self._readers.state()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that reads, and nobody else's meanwhile."""
        with self._readable_errors(), self._readers.reading() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: on the disk at the end, undone by an exception."""
        with self._write_lock, self._readable_errors():
            db = self._may_write()
            use_reserve(self.path.parent)
            db.execute(self._begin)
            try:
                before = db.total_changes
                yield db
                number = None
                if db.total_changes != before:
                    number = count_commit(db)
                db.commit()
            except BaseException:
                db.rollback()
                raise
            if number is not None:
                self._note_commit(number)

    def _note_commit(self, number: int) -> None:
        try:
            self._commit_mark.write(number)
        except OSError as error:
            # What was committed is on the disk; a mark that is too small says nothing.
            log.warning("the mark of %s could not be written: %s", self.path.name, error)

    def _check(self) -> Recovery | None:
        if self._writer is None:
            return None
        problem = problem_of(self.path, self._schema, is_enough=self._closing.is_set)
        if not problem or self._closing.is_set():
            return None
        with self._write_lock:
            rebuilt = _rebuild(self.path, self._schema)
            part = _part(self.path)
            # Windows renames no file that somebody reads.
            meanwhile = None if os.name == "nt" else lambda: open_unchanging(part)
            with self._readers.replacing(meanwhile):
                self._close()
                self.recovery = _replace(self.path, rebuilt, problem)
                self._open()
        return self.recovery

    def _may_write(self) -> sqlite3.Connection:
        """Give the connection that writes, made now where there was none; under the write lock."""
        if self._writer is not None:
            return self._writer
        folder = self.path.parent
        use_reserve(folder)
        if free_bytes(folder) < LOW_BYTES:
            raise short_here(folder)
        with self._readers.replacing():
            try:
                writer = self._open_sound()
            except (sqlite3.Error, OSError, DiskFullError) as error:
                self._open_to_read(error)
                raise
        self._refused = None
        log.info("%s is written again", self.path.name)
        return writer

    def _open_sound(self) -> sqlite3.Connection:
        """Open the file to be written; what is found damaged is put right before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for ending in _ENDINGS:
            make_way(self.path.with_name(self.path.name + ending))
        use_reserve(self.path.parent)
        _finish_replacing(self.path)
        self.recovery = _recover_at_opening(self.path, self._schema)
        try:
            return self._open()
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            self.recovery = recover(self.path, self._schema, str(error))
            return self._open()

    def _open_to_read(self, error: BaseException) -> None:
        """Open what is there of the file so that nothing is written, after `error` has refused that."""
        log.warning("%s is opened to be read only: %s", self.path.name, error)
        self._writer = None
        self._refused = self._told(error)
        self._readers.begin(read_only(self.path, self._schema), None)

    def _told(self, error: BaseException) -> StillroomError:
        if isinstance(error, DiskFullError):
            return error
        folder = self.path.parent
        is_about_room = is_out_of_room(error, folder) or (
            isinstance(self._refused, DiskFullError) and is_refusal(error)
        )
        # With more than that free it is another limit, such as a quota.
        if is_about_room and free_bytes(folder) < SMALL_FILES_BYTES:
            return short_here(folder)
        return self.unusable(str(error))

    def _open(self) -> sqlite3.Connection:
        with ExitStack() as opened:
            writer = opened.enter_context(closing(_connect(self.path)))
            found = schema_version(writer)
            if 0 < found < self._schema.version and not backups.make_backup(
                self.path, self._schema, datetime.now()
            ):
                raise sqlite3.DatabaseError("damage was found before a migration")
            migrate(writer, self._schema)
            tables = [summed_table(writer, table.name, table.key) for table in self._schema.tables]
            if found < self._schema.version:
                writer.execute("BEGIN IMMEDIATE")
                seal(writer, tables)
                writer.commit()
            keep_sums(writer, tables)
            reader = opened.enter_context(closing(self._connect_to_read()))
            mark = opened.enter_context(closing(CommitMark(self.path)))
            mark.write(commits(reader) or 0)
            opened.pop_all()
        self._writer, self._commit_mark = writer, mark
        self._readers.begin(reader, self._connect_to_read)
        return writer

    def _connect_to_read(self) -> sqlite3.Connection:
        with ExitStack() as opened:
            reader = _connect(self.path)
            opened.enter_context(closing(reader))
            reader.execute("PRAGMA query_only = ON")
            opened.pop_all()
        return reader

    def _close(self) -> None:
        if self._writer is not None:
            self._commit_mark.close()
            self._writer.close()

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._told(error) from error


def recover(path: Path, schema: Schema, problem: str) -> Recovery:
    """Make the file anew of what it and its backups hold, while nobody has it open."""
    return _replace(path, _rebuild(path, schema), problem)


def _rebuild(path: Path, schema: Schema) -> Rebuilt:
    # A source that finds no room for its index would count as one that cannot be read.
    require_room(path.parent, 3 * (path.stat().st_size if path.exists() else 0) + SMALL_FILES_BYTES)
    seen = read_mark(path) or 0
    try:
        return rebuild(path, _part(path), schema, seen)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        log.exception("what is left of %s cannot be used", path.name)
        return rebuild(path, _part(path), schema, seen, with_own=False)


def _recover_at_opening(path: Path, schema: Schema) -> Recovery | None:
    """Recover a file that is found damaged within `OPENING_BUDGET_S`; None where nothing is found."""
    mark = read_mark(path)
    if not path.exists() or path.stat().st_size == 0:
        # Where there never was one, a new one begins.
        return recover(path, schema, "gone") if mark is not None or backups.list_backups(path) else None
    lost = 0
    if mark is not None and _may_read(path):
        lost = _lost(path, mark)
        if lost > 0 and mend_journal(path):
            lost = _lost(path, mark)
    until_s = time.monotonic() + OPENING_BUDGET_S
    if problem := problem_of(path, schema, thorough=False, is_enough=lambda: time.monotonic() > until_s):
        return recover(path, schema, problem)
    if lost <= 0:
        return None
    # A backup may have been made since.
    if lost == mark or any(_lost(backup, mark or 0) < lost for _, backup in backups.list_backups(path)[:1]):
        return recover(path, schema, "the journal was lost")
    return Recovery(
        (
            DamageNotice(
                "{file} has lost its newest changes ({count}): its journal was damaged.",
                {"file": path.name, "count": lost},
            ),
        )
    )


def _may_read(path: Path) -> bool:
    try:
        with closing(open_to_read(path)) as db:
            db.execute("SELECT 1 FROM sqlite_schema LIMIT 1")
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return False
    return True


def _lost(path: Path, mark: int) -> int:
    """Tell how many of the transactions that were seen are not in a file; 0 where it does not say."""
    try:
        with closing(open_to_read(path)) as db:
            number = commits(db)
    except sqlite3.Error:
        return 0
    return 0 if number is None else mark - number


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _rebuilt(path: Path) -> Path:
    return path.with_name(path.name + ".rebuilt")


def _replace(path: Path, rebuilt: Rebuilt, problem: str) -> Recovery:
    """Put what was rebuilt in the place of the file, which is kept under a dated name."""
    log.error("%s was damaged (%s) and is made anew", path.name, problem)
    aside = _aside(path, datetime.now()) if path.exists() else None
    if aside is not None:
        for ending in ("-wal", ""):
            source = path.with_name(path.name + ending)
            if source.exists():
                shutil.copyfile(source, aside.with_name(aside.name + ending))
    # From here on it is finished at the next opening, whatever happens.
    backups.put_in_place(_part(path), _rebuilt(path))
    _finish_replacing(path)
    return Recovery(tuple(_notices(path.name, aside, rebuilt)), aside, rebuilt.newest_used)


def _finish_replacing(path: Path) -> None:
    if not _rebuilt(path).is_file():
        return
    # A journal of the old file would be taken for one of the new.
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    rename_durably(_rebuilt(path), path)


def _aside(path: Path, now: datetime) -> Path:
    stem = f"{path.stem}.damaged-{now.strftime(backups.STAMP)}"
    aside, number = path.with_name(stem + path.suffix), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{stem}-{number}{path.suffix}")
    return aside


def _notices(file: str, aside: Path | None, rebuilt: Rebuilt) -> Iterator[DamageNotice]:
    values: dict[str, object] = {"file": file, "aside": "" if aside is None else aside.name}
    if rebuilt.newest_used is not None:
        values["time"] = time_text(rebuilt.base or rebuilt.newest_used)
    if aside is None or not rebuilt.found or rebuilt.base is not None:
        yield _anew_notice(values, aside, rebuilt)
    elif rebuilt.rows:
        yield DamageNotice(
            "{file} was damaged. What could be read of it is kept; the damaged file is {aside}.", values
        )
    elif rebuilt.restored:
        yield DamageNotice(
            "{file} was damaged. All of it was put right: the backup of {time} had what was damaged exactly"
            " as it was written. The damaged file is kept as {aside}.",
            values,
        )
    else:
        yield DamageNotice(
            "{file} was damaged. All of it was put right, and nothing is lost; the damaged file is kept as"
            " {aside}.",
            values,
        )
    yield from row_notices(file, rebuilt.rows)
    if rebuilt.dropped:
        yield DamageNotice(
            "What could not be saved of {file} ({count}) is made again when it is needed.",
            {"file": file, "count": rebuilt.dropped},
        )
    if rebuilt.unproven:
        yield DamageNotice(
            "Checksums of {file} are lost ({count}); nothing else says that what they were for is damaged.",
            {"file": file, "count": rebuilt.unproven},
        )


def _anew_notice(values: dict[str, object], aside: Path | None, rebuilt: Rebuilt) -> DamageNotice:
    if aside is None and rebuilt.found:
        return DamageNotice(
            "{file} was gone. The backup of {time} is in its place; what came after it is missing.", values
        )
    if aside is None:
        return DamageNotice("{file} was gone, and there is no backup: it begins anew.", values)
    if rebuilt.found:
        return DamageNotice(
            "{file} was damaged. The backup of {time} is in its place, and what came after it is missing; the"
            " damaged file is kept as {aside}.",
            values,
        )
    return DamageNotice(
        "{file} was damaged and there is no backup: it begins anew. The damaged file is kept as {aside}.",
        values,
    )


def _readable_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    with ExitStack() as opened:
        opened.enter_context(closing(connection))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cell_size_check = ON")
        # What is purged is overwritten, not only unlinked.
        connection.execute("PRAGMA secure_delete = ON")
        add_functions(connection)
        opened.pop_all()
    return connection
