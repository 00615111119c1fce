"""The bearer key of the local API: generated, kept in a file for the user alone."""

import secrets
from pathlib import Path

from app.base.errors import StillroomError
from models.system.disk_space import told_when_full
from models.system.durable import write_durably

KEY_BYTES = 32
LEAST_CHARACTERS = 16
LONGEST_KEY = 512


def read_or_make_key(file: Path) -> str:
    """The key that `file` holds; a new one where it holds none. Raises `StillroomError`."""
    try:
        key = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    return key if is_usable(key) else renew_key(file)


def renew_key(file: Path) -> str:
    """Replace the key: who has the old one is locked out. Raises `StillroomError`."""
    key = secrets.token_urlsafe(KEY_BYTES)
    try:
        with told_when_full(file.parent):
            file.parent.mkdir(parents=True, exist_ok=True)
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
