"""The file by which an editor and the command line find the running local API and its key."""

import contextlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil

from app.base.paths import AppPaths
from models.system.disk_space import told_when_full
from models.system.durable import write_durably
from models.system.json_file import encode_json, read_json

CLOCK_SLACK_S = 2.0
"""A process's start is known to the tick, and the clock may have been set meanwhile."""


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """The address of the local API: `url` without a path ("http://127.0.0.1:8765"), the bearer `key`, the
    process, since when (ISO 8601, UTC), Stillroom's version, and its certificate (PEM) if it speaks TLS."""

    url: str
    key: str
    pid: int
    started: str
    version: str
    certificate: str = ""


def announce_server(paths: AppPaths, *, url: str, key: str, version: str, certificate: str = "") -> Discovery:
    """Tell the user's other programs of this process's server. Raises `OSError`.

    The file is readable by the user alone: whoever can read it can use the models.
    """
    found = Discovery(
        url=url,
        key=key,
        pid=os.getpid(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version,
        certificate=certificate,
    )
    file = paths.server_file
    file.parent.mkdir(parents=True, exist_ok=True)
    with told_when_full(file.parent):
        # For the user alone from the start, not afterwards.
        write_durably(file, encode_json(found, indent=True), mode=0o600)
    return found


def withdraw_server(paths: AppPaths, announced: Discovery) -> None:
    """Delete the file of `announce_server`, unless another server has written it meanwhile."""
    with contextlib.suppress(OSError):
        if _read(paths.server_file) == announced:
            paths.server_file.unlink()


def find_server(paths: AppPaths) -> Discovery | None:
    """The running server of this user, or None.

    A file that a crash has left behind counts for nothing, also where its process number was given to another
    program meanwhile; the file may be from a server that does not answer any more, which only asking tells.
    """
    found = _read(paths.server_file)
    return found if found is not None and _lives(found) else None


def _read(file: Path) -> Discovery | None:
    without = "A running local API is not found until it is switched off and on again."
    return read_json(file, Discovery, without=without)


def _lives(found: Discovery) -> bool:
    try:
        process = psutil.Process(found.pid)
        began_s = process.create_time()
        announced_s = datetime.fromisoformat(found.started).timestamp()
        return process.status() != psutil.STATUS_ZOMBIE and began_s <= min(announced_s, time.time()) + (
            CLOCK_SLACK_S
        )
    except (psutil.Error, ValueError, OverflowError):
        return False
