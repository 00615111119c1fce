"""Copies of a database: made while it is in use, checked, thinned with age."""

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

from app.database.integrity_check import open_to_read, problem_of
from app.database.row_sums import commits
from app.database.schema import Schema
from models.system.disk_space import SMALL_FILES_BYTES, require_room
from models.system.durable import rename_durably
from models.system.json_file import make_folder

log = logging.getLogger(__name__)

STAMP = "%Y%m%d-%H%M%S"
INTERVAL = timedelta(hours=1)
KEPT_RECENT = 3
KEPT_DAYS = 7
KEPT_WEEKS = 5
KEPT_MONTHS = 12
KEPT_BYTES = 4 << 30
"""All backups of a database together, as far as the newest `KEPT_RECENT` are not larger."""


def backup_folder(database: Path) -> Path:
    """Return the folder of the backups of `database`."""
    return database.with_name(f"{database.stem}-backups")


def list_backups(database: Path) -> list[tuple[datetime, Path]]:
    """The backups of `database` with the local time each was made, newest first."""
    pattern = re.compile(re.escape(database.stem) + r"-(\d{8}-\d{6})\.sqlite3")
    found = []
    for path in backup_folder(database).glob("*.sqlite3"):
        if (match := pattern.fullmatch(path.name)) and path.is_file():
            # Digits that are no time are a name that somebody else gave.
            with suppress(ValueError):
                found.append((datetime.strptime(match[1], STAMP), path))
    return sorted(found, reverse=True)


def surplus_backups(made: Mapping[datetime, int]) -> list[datetime]:
    """Choose the backups to delete, by time and size in bytes: kept are the newest three, and the newest of
    each of the last seven days, five weeks and twelve months that have one, as far as `KEPT_BYTES` reach."""
    newest_first = sorted(made, reverse=True)
    recent = newest_first[:KEPT_RECENT]
    wanted = set(recent)
    for period, count in (("%Y-%m-%d", KEPT_DAYS), ("%G-%V", KEPT_WEEKS), ("%Y-%m", KEPT_MONTHS)):
        newest_of: dict[str, datetime] = {}
        for stamp in newest_first:
            newest_of.setdefault(stamp.strftime(period), stamp)
        wanted.update(list(newest_of.values())[:count])
    kept, total = set(recent), sum(made[stamp] for stamp in recent)
    for stamp in newest_first[KEPT_RECENT:]:
        if stamp in wanted and total + made[stamp] <= KEPT_BYTES:
            kept.add(stamp)
            total += made[stamp]
    return [stamp for stamp in newest_first if stamp not in kept]


def backup_is_due(database: Path, now: datetime) -> bool:
    """Tell whether the newest backup is more than an hour old, or bears a time that is still to come."""
    backups = list_backups(database)
    return not backups or not timedelta(0) <= now - backups[0][0] < INTERVAL


def newest_has(database: Path, number: int | None) -> bool:
    """Tell whether nothing has changed since the newest backup: its file had seen `number` transactions."""
    for _, path in list_backups(database)[:1]:
        try:
            with closing(open_to_read(path)) as db:
                return number is not None and commits(db) == number
        except sqlite3.Error:
            return False
    return False


def make_backup(
    database: Path, schema: Schema, now: datetime, is_enough: Callable[[], bool] = lambda: False
) -> Path | None:
    """Copy `database` into its folder, complete or not at all, and delete what has become surplus.

    A copy in which damage is found is thrown away, and None is returned; so it is once `is_enough`. Opens its
    own connection, so any thread may call it while the database is in use. Raises `sqlite3.Error`, `OSError`,
    and `DiskFullError`: other things need the last of the disk more.
    """
    folder = backup_folder(database)
    require_room(database.parent, database.stat().st_size + SMALL_FILES_BYTES)
    make_folder(folder)
    final = folder / f"{database.stem}-{now.strftime(STAMP)}.sqlite3"
    part = final.with_name(final.name + ".part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
            # A backup is one file: no -wal or -shm beside it.
            target.execute("PRAGMA journal_mode = DELETE")
        problem = problem_of(part, schema, is_enough=is_enough)
    except (sqlite3.Error, OSError):
        # On a full disk what is half there takes the rest of it.
        part.unlink(missing_ok=True)
        raise
    if problem or is_enough():
        log.warning("A backup of %s was not kept: %s", database.name, problem or "stopped")
        part.unlink()
        return None
    put_in_place(part, final)
    backups = dict(list_backups(database))
    for stamp in surplus_backups({stamp: path.stat().st_size for stamp, path in backups.items()}):
        backups[stamp].unlink(missing_ok=True)
    log.info("Backed up %s (%d bytes)", database.name, final.stat().st_size)
    return final


def put_in_place(part: Path, final: Path) -> None:
    """Write `part` through to the disk and give it its final name."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    rename_durably(part, final)
