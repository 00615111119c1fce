"""The bearer key of the local API: generated, kept in a file for the user alone."""

import secrets
import threading
from concurrent.futures import Future
from pathlib import Path

from app.base.errors import StillroomError
from app.base.newest_writer import NewestWriter
from models.system.disk_space import told_when_full
from models.system.durable import write_durably
from models.system.json_file import make_way
from models.system.regular_file import read_regular

KEY_BYTES = 32
LEAST_CHARACTERS = 16
LONGEST_KEY = 512
_MOST_BYTES = 4096


class KeyFile:
    """The key of a running program, in its file. Any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._making = threading.Lock()
        self._asking = threading.Lock()
        self._asked: list[Future[str]] = []
        self._writer = NewestWriter("api-key", self._renew)

    def read_or_make(self) -> str:
        """The key, made where there is none; waits for the disk, and for a `renew` that was asked for. Raises
        `StillroomError`."""
        self._writer.flush()
        with self._making:
            return read_or_make_key(self._file)

    def renew(self) -> "Future[str]":
        """Replace the key, on another thread: who has the old one is locked out. The result gives the new one
        once it is on the disk, or raises `StillroomError`; the old one stays then."""
        renewed: Future[str] = Future()
        with self._asking:
            self._asked.append(renewed)
        self._writer.wake()
        return renewed

    def close(self) -> None:
        """Wait until what was asked for is done."""
        self._writer.flush()

    def _renew(self) -> None:
        with self._asking:
            asked, self._asked = self._asked, []
        # Also where nobody waits for it any more: it was asked for.
        asked = [renewed for renewed in asked if renewed.set_running_or_notify_cancel()]
        try:
            with self._making:
                key = renew_key(self._file)
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            for renewed in asked:
                renewed.set_exception(error)
            return
        for renewed in asked:
            renewed.set_result(key)


def read_or_make_key(file: Path) -> str:
    """The key that `file` holds; a new one where it holds none. Raises `StillroomError`."""
    try:
        key = read_regular(file, _MOST_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    return key if is_usable(key) else renew_key(file)


def renew_key(file: Path) -> str:
    """Replace the key: who has the old one is locked out. Raises `StillroomError`."""
    key = secrets.token_urlsafe(KEY_BYTES)
    try:
        with told_when_full(file.parent):
            file.parent.mkdir(parents=True, exist_ok=True)
            make_way(file)
            write_durably(file, f"{key}\n".encode("ascii"), mode=0o600)
    except OSError as error:
        raise StillroomError(
            "The key of the local API could not be saved to {path}: {reason}.",
            "Check that the folder may be written and that the disk is not full.",
            path=str(file),
            reason=error.strerror or "unknown",
        ) from error
    return key


def is_usable(key: str) -> bool:
    """Long enough not to be guessed, and such that it can stand in a header."""
    return (
        LEAST_CHARACTERS <= len(key) <= LONGEST_KEY
        and key.isascii()
        and key.isprintable()
        and not any(character.isspace() for character in key)
    )
