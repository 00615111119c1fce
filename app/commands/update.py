"""`stillroom update`: ask whether there is a newer Stillroom, and fetch its installer on request."""

import argparse
import threading
from pathlib import Path

import msgspec

from app.commands.terminal.command_core import Core
from app.commands.terminal.console import Console
from models.system.progress import JobContext
from models.system.units import byte_count

NAME = "update"
SUMMARY = "ask whether there is a newer Stillroom; nothing is installed by itself"
EXAMPLE = "stillroom update --download ~/Downloads"


class UpdateResult(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document; `path` is the verified installer where one was asked for."""

    installed: str
    newest: str
    is_newer: bool
    notes: str
    path: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--download."""
    parser.add_argument(
        "--download", type=Path, metavar="DIR", help="fetch the installer into this folder and verify it"
    )


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Ask, show the notes, and fetch where that was asked for."""
    # The hub's libraries take longer to load than other commands take.
    from app.update.release_feed import (
        fetch_installer,
        installed_kind,
        installed_version,
        installer_of,
        is_newer,
        newest_release,
        release_place,
    )

    place, installed = release_place(), installed_version()
    release = newest_release(place, cancel)
    newer = is_newer(release.version, installed)
    file = installer_of(release, installed_kind())
    path = None
    if newer and file is not None and options.download is not None:
        folder = options.download.expanduser().absolute()
        path = fetch_installer(place, release, file, folder, JobContext(console.progress, cancel))
        console.end_progress()
    console.document(
        UpdateResult(
            installed=installed,
            newest=release.version,
            is_newer=newer,
            notes=release.notes,
            path=str(path) if path else None,
        )
    )
    if not newer:
        console.say(f"Stillroom {installed} is the newest.")
        return
    console.say(f"Stillroom {release.version} is there; this is {installed}.\n\n{release.notes}\n")
    if path is not None:
        console.say(f"{path}: verified. Close Stillroom and open it to install.")
    elif file is not None:
        console.say(f"Get it ({byte_count(file.bytes)}) with: stillroom update --download DIR")
