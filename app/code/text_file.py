"""A text file of the user's: encoding, line ends and permissions survive, a write is whole or not at all."""

import errno
import hashlib
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from app.base.errors import StillroomError
from models.system.disk_space import told_when_full
from models.system.durable import rename_durably
from models.system.regular_file import read_regular

SIZE_LIMIT_BYTES = 4 * 1024 * 1024
LONGEST_LINE = 50_000
"""In characters. Qt lays out a line as a whole with each key: one of a million takes a second."""

Encoding = Literal["utf-8", "utf-8-sig", "utf-16"]
Newline = Literal["\n", "\r\n", "\r"]


class TextFileError(StillroomError):
    """A file that cannot be opened or saved as text."""


class ChangedOnDiskError(TextFileError):
    """Another program wrote the file after it was read here."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as it was last read or written. `text` has line feeds only; `newline` is what the file has.

    `digest` is the SHA-256 of the file's bytes at that time. `mixed_newlines`: the file had several kinds of
    line ends, and saving makes them all `newline` (the most frequent one).
    """

    path: Path
    text: str
    encoding: Encoding = "utf-8"
    newline: Newline = "\n"
    digest: str = ""
    mixed_newlines: bool = False


def read_text_file(path: Path) -> TextFile:
    """Read a text file of at most 4 MB: UTF-8, or little-endian UTF-16 with its mark. Any thread.

    Raises `TextFileError` for what is not text, too large, with too long a line or unreadable.
    """
    path = path.resolve()
    raw = _read(path)
    encoding: Encoding = "utf-8"
    if raw.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    elif raw.startswith(b"\xff\xfe"):
        encoding = "utf-16"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise TextFileError(
            "{name} is not UTF-8 text (byte {byte}).",
            "Convert it to UTF-8 in another editor first, then open it here.",
            name=path.name,
            byte=error.start,
        ) from error
    if "\0" in text:
        raise TextFileError(
            "{name} is a binary file.", "Open a text file, such as program source or data.", name=path.name
        )
    counts: dict[Newline, int] = {"\r\n": text.count("\r\n")}
    counts["\n"] = text.count("\n") - counts["\r\n"]
    counts["\r"] = text.count("\r") - counts["\r\n"]
    kinds = [newline for newline, count in counts.items() if count]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    longest = max(map(len, text.split("\n")))
    if longest > LONGEST_LINE:
        raise TextFileError(
            "{name} has a line of {characters} characters; at most {most} can be shown here.",
            "Break its lines in another program first, such as a formatter of its language.",
            name=path.name,
            characters=longest,
            most=LONGEST_LINE,
        )
    return TextFile(
        path=path,
        text=text,
        encoding=encoding,
        newline=max(kinds, key=lambda newline: counts[newline]) if kinds else "\n",
        digest=hashlib.sha256(raw).hexdigest(),
        mixed_newlines=len(kinds) > 1,
    )


def write_text_file(file: TextFile, *, overwrite: bool = False) -> TextFile:
    """Write `file.text` in the file's own encoding and line ends; returns the file as it now is. Any thread.

    The bytes go to a `.part` file beside it, reach the disk, and then take the file's name. Raises
    `ChangedOnDiskError` when the present content is not the one of `file.digest` (for a new file: when the
    file exists) unless `overwrite`, and `TextFileError` when the disk refuses.
    """
    path = file.path.resolve()
    if not overwrite and changed_on_disk(replace(file, path=path)):
        raise ChangedOnDiskError(
            "{name} was changed by another program since it was opened here.",
            "Save under another name, or overwrite it, or reload it and lose the changes made here.",
            name=path.name,
        )
    raw = file.text.replace("\n", file.newline).encode(file.encoding)
    hint = "The text is still here. Save it under another name or in another folder."
    try:
        with told_when_full(path.parent, lambda: len(raw), hint=hint):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_beside(path, raw)
    except OSError as error:
        raise TextFileError(
            "{name} could not be saved: {reason}.",
            "The text is still here. Save it under another name or in another folder.",
            name=path.name,
            reason=error.strerror or str(error),
        ) from error
    return replace(file, path=path, digest=hashlib.sha256(raw).hexdigest(), mixed_newlines=False)


def changed_on_disk(file: TextFile) -> bool:
    """Tell whether the disk holds other data than was last read or written; a missing file is no change."""
    return file.path.exists() and hashlib.sha256(_read(file.path)).hexdigest() != file.digest


def _write_beside(path: Path, raw: bytes) -> None:
    # Not `write_durably`: in the user's own folder the `.part` name must be free, and permissions must stay.
    mode = path.stat().st_mode if path.exists() else None
    handle, part_name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    part = Path(part_name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(0o666 & ~_umask() if mode is None else mode & 0o7777)
        rename_durably(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, SIZE_LIMIT_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise TextFileError(
                "{name} is larger than 4 MB.",
                "Open a smaller file, or cut out the part you need.",
                name=path.name,
            ) from error
        raise TextFileError(
            "{name} could not be read: {reason}.",
            "Check that the file exists and that you may read it.",
            name=path.name,
            reason=error.strerror or str(error),
        ) from error


def _umask() -> int:
    present = os.umask(0)
    os.umask(present)
    return present
