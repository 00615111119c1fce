"""Copies of the chat database: made while it is in use, thinned with age, and restored when it is damaged."""

import logging
import os
import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from models.durable import rename_durably

log = logging.getLogger(__name__)

STAMP = "%Y%m%d-%H%M%S"
INTERVAL = timedelta(hours=1)
KEPT_RECENT = 3
KEPT_DAYS = 7
KEPT_WEEKS = 5
KEPT_MONTHS = 12


def backup_folder(database: Path) -> Path:
    """Where the backups of `database` lie."""
    return database.with_name(f"{database.stem}-backups")


def list_backups(database: Path) -> list[tuple[datetime, Path]]:
    """The backups of `database` with the local time each was made, newest first."""
    pattern = re.compile(re.escape(database.stem) + r"-(\d{8}-\d{6})\.sqlite3")
    found = []
    for path in backup_folder(database).glob("*.sqlite3"):
        if match := pattern.fullmatch(path.name):
            found.append((datetime.strptime(match[1], STAMP), path))
    return sorted(found, reverse=True)


def surplus_backups(made: list[datetime]) -> list[datetime]:
    """Which of the backups `made` to delete: kept are the newest three, and the newest of each of the last
    seven days, five weeks and twelve months that have one."""
    newest_first = sorted(made, reverse=True)
    kept = set(newest_first[:KEPT_RECENT])
    for period, count in (("%Y-%m-%d", KEPT_DAYS), ("%G-%V", KEPT_WEEKS), ("%Y-%m", KEPT_MONTHS)):
        newest_of: dict[str, datetime] = {}
        for stamp in newest_first:
            newest_of.setdefault(stamp.strftime(period), stamp)
        kept.update(list(newest_of.values())[:count])
    return [stamp for stamp in newest_first if stamp not in kept]


def backup_is_due(database: Path, now: datetime) -> bool:
    """Whether the newest backup is more than an hour old, or bears a time that is still to come."""
    backups = list_backups(database)
    return not backups or not timedelta(0) <= now - backups[0][0] < INTERVAL


def make_backup(database: Path, now: datetime) -> Path:
    """Copy `database` into its folder, complete or not at all, and delete what has become surplus.

    Opens its own connection, so any thread may call it while the database is in use.
    Raises `sqlite3.Error` or `OSError`.
    """
    folder = backup_folder(database)
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{database.stem}-{now.strftime(STAMP)}.sqlite3"
    part = final.with_name(final.name + ".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
        # A backup is one file: no -wal or -shm beside it.
        target.execute("PRAGMA journal_mode = DELETE")
    put_in_place(part, final)
    backups = dict(list_backups(database))
    for stamp in surplus_backups(list(backups)):
        backups[stamp].unlink(missing_ok=True)
    log.info("Backed the chats up (%d bytes)", final.stat().st_size)
    return final


def is_sound(path: Path) -> bool:
    """Whether SQLite finds no damage in the file. A file that is no database is damaged, and so is one that
    was cut to nothing after it had been backed up; a missing one is not.

    Raises `sqlite3.OperationalError` when the file cannot be looked at (locked, no permission).
    """
    if not path.exists():
        return True
    if path.stat().st_size == 0 and list_backups(path):
        return False
    try:
        with closing(sqlite3.connect(path, timeout=5)) as connection:
            findings = connection.execute("PRAGMA quick_check(1)").fetchall()
            return findings == [("ok",)] and not connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return False


def set_aside(database: Path, now: datetime) -> Path:
    """Move a damaged database, with its journal, to a dated name beside it, and return that name."""
    aside = database.with_name(f"{database.stem}.damaged-{now.strftime(STAMP)}{database.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = database.with_name(f"{database.stem}.damaged-{now.strftime(STAMP)}-{number}{database.suffix}")
    for ending in ("-wal", "-shm", ""):
        source = database.with_name(database.name + ending)
        if source.exists():
            source.rename(aside.with_name(aside.name + ending))
    return aside


def restore_newest(database: Path) -> datetime | None:
    """Put the newest sound backup in the place of `database`, which must be gone.

    Returns the time of that backup; None when there is none, and then nothing is put there.
    """
    for made, path in list_backups(database):
        if is_sound(path):
            part = database.with_name(database.name + ".part")
            part.write_bytes(path.read_bytes())
            put_in_place(part, database)
            return made
        log.warning("The backup %s is damaged too", path.name)
    return None


def put_in_place(part: Path, final: Path) -> None:
    """Write `part` through to the disk and give it its final name."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    rename_durably(part, final)
