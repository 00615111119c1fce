"""Read and write Stillroom's own JSON files: bounded, checked, and never lost.

Each file is one JSON object whose member `checksum` stands for all others, so that a flipped bit that still
parses is noticed. The sum is over the values and not over the bytes: other tools may read the file, and lay
it out anew. A file without one, as earlier versions wrote them and people do, is taken as it is.
"""

import errno
import hashlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import msgspec

from models.system.durable import rename_durably, write_durably
from models.system.errors import StillroomError
from models.system.file_stamp import mark
from models.system.notices import tell
from models.system.regular_file import is_dead_link, is_no_folder, is_other, read_regular

log = logging.getLogger(__name__)

CHECKSUM = "checksum"
LARGEST_BYTES = 64 << 20
MOST_ASIDE = 20
"""So many files are kept aside of one; then the newest takes the place of the newest before it, because the
oldest are what the user had."""

T = TypeVar("T")
Otherwise = Literal["set aside", "use"]

_CHECKSUM_DIGITS = 16


class DamagedJsonError(Exception):
    """The content is not what Stillroom wrote there; its text says why, for the log."""


@dataclass(frozen=True, slots=True)
class LoadedJson(Generic[T]):
    """A file's values. `document` is all that it holds except its checksum, and `sound` whether that fits."""

    value: T
    document: dict[str, Any]
    sound: bool


def write_json(path: Path, value: object, *, indent: bool = False) -> None:
    """Put `value` (a struct or dict) into `path`, durably and with its checksum. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, encode_json(value, indent=indent))


def encode_json(value: object, *, indent: bool = False) -> bytes:
    """Encode a file that holds `value`, a struct or dict; `indent` is for files that people read."""
    # What a reader will find: it is what the checksum has to stand for.
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    document.pop(CHECKSUM, None)
    data = msgspec.json.encode({**document, CHECKSUM: _checksum(document)})
    return msgspec.json.format(data, indent=2) + b"\n" if indent else data


def read_json(path: Path, kind: type[T], *, without: str = "", changed: Otherwise = "set aside") -> T | None:
    """Read the values in `path`; None where there is no such file, or none that can be used.

    What cannot be used is renamed (`set_aside`), and the user is told with the sentence `without`, a template
    that says how the program goes on without it. `changed` decides about a file that can be read and does not
    fit its checksum: what only the program writes is set aside; what people make or edit is used, told of
    once, and gets its checksum anew. Blocks on the disk; any thread.
    """
    for _ in range(3):
        seen = mark(path)
        try:
            loaded = load_json(path, kind)
            if loaded.sound:
                return loaded.value
            reason = "its checksum differs"
        except (FileNotFoundError, NotADirectoryError):
            if not is_other(path):
                return None
            loaded, reason = None, "it is a link that leads nowhere"
        except (OSError, DamagedJsonError) as error:
            loaded, reason = None, str(error)
        # Another process may have put a new file there while this one was read.
        if mark(path) == seen:
            break
    if loaded is not None and changed == "use":
        tell(_changed(path))
        renew_checksum(path, loaded.document)
        return loaded.value
    tell_set_aside(path, reason, without=without)
    return None


def load_json(path: Path, kind: type[T], most_bytes: int | None = None) -> LoadedJson[T]:
    """Read what `path` holds; nothing is renamed, and no notice given. Raises `OSError` and
    `DamagedJsonError`, also for more than `most_bytes`, else `LARGEST_BYTES`."""
    try:
        data = read_regular(path, LARGEST_BYTES if most_bytes is None else most_bytes)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise DamagedJsonError("it is no file") from error
        if error.errno == errno.EFBIG:
            raise DamagedJsonError("it is too large") from error
        raise
    try:
        document = msgspec.json.decode(data)
        if not isinstance(document, dict):
            raise DamagedJsonError("it holds no object")
        checksum = document.pop(CHECKSUM, None)
        value = msgspec.convert(document, kind, str_keys=True)
        sound = checksum is None or checksum == _checksum(document)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise DamagedJsonError(str(error)) from error
    return LoadedJson(value, document, sound)


def renew_checksum(path: Path, document: dict[str, Any]) -> None:
    """Write the file anew with a checksum that fits; where that fails it is told of again the next time."""
    try:
        write_json(path, document, indent=True)
    except OSError as error:
        log.warning("%s could not be given its checksum: %s", path, error)


def tell_set_aside(path: Path, reason: str, *, without: str) -> None:
    """Rename the damaged file `path`, or what else has its name, and tell the user `without`, as in
    `read_json`; `reason` is logged."""
    log.warning("%s is damaged: %s", path, reason)
    is_file = not is_other(path)
    try:
        aside = set_aside(path)
    except OSError as error:
        tell(
            StillroomError(
                "The file {path} is damaged, and could not be renamed: {reason}.",
                without,
                path=str(path),
                reason=error.strerror or str(error),
            )
        )
        return
    message = (
        "The file {path} is damaged. It is kept as {aside}."
        if is_file
        else "{path} is no file but a folder, a pipe, a device or a link to none. It is kept as {aside}."
    )
    tell(StillroomError(message, without, path=str(path), aside=aside.name))


def make_way(path: Path) -> None:
    """Rename what has the name of a file of Stillroom's and is none, and tell the user: what opens a pipe may
    wait for ever. Raises `OSError` where it cannot be renamed."""
    if not is_other(path):
        return
    tell_set_aside(
        path,
        "it is no regular file",
        without="If the file is elsewhere, put it back in its place while Stillroom is closed.",
    )
    if is_other(path):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))


def make_way_for_folder(path: Path) -> None:
    """Rename what has the name of a folder of Stillroom's and is none, and tell the user. Raises `OSError`
    where it cannot be renamed, and of a link to what is not there: its disk may only be away, so it stays,
    and this is told."""
    if is_dead_link(path):
        tell(folder_away(path))
        raise OSError(errno.ENOENT, "it is a link to a folder that is not there", str(path))
    if not is_no_folder(path):
        return
    hint = "If the folder is elsewhere, put it back in its place while Stillroom is closed."
    try:
        aside = set_aside(path)
    except OSError as error:
        tell(
            StillroomError(
                "{path} is no folder but a file, a pipe or a device, and could not be renamed: {reason}.",
                hint,
                path=str(path),
                reason=error.strerror or str(error),
            )
        )
        raise
    tell(
        StillroomError(
            "{path} is no folder but a file, a pipe or a device. It is kept as {aside}.",
            hint,
            path=str(path),
            aside=aside.name,
        )
    )


def folder_away(path: Path) -> StillroomError:
    """Return the error for a folder that is a link to what is not there."""
    return StillroomError(
        "{path} is a link to a folder that is not there.",
        "Connect its disk and start Stillroom again; nothing is lost.",
        path=str(path),
    )


def make_folder(path: Path) -> None:
    """Make a folder of Stillroom's where there is none, after `make_way_for_folder`. Raises `OSError`."""
    make_way_for_folder(path)
    path.mkdir(parents=True, exist_ok=True)


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used so that its name says it; returns the new path. Raises `OSError`."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    before = sorted(path.parent.glob(f"{path.stem}.damaged-*{path.suffix}"), key=lambda file: file.stem)
    if len(before) >= MOST_ASIDE:
        aside = before[-1]
    else:
        aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
        number = 1
        while aside.exists():
            number += 1
            aside = path.with_name(f"{path.stem}.damaged-{stamp}-{number:02}{path.suffix}")
    rename_durably(path, aside)
    return aside


def is_set_aside(path: Path) -> bool:
    """Tell whether a file has its name from `set_aside`."""
    return ".damaged-" in path.name


def _changed(path: Path) -> StillroomError:
    return StillroomError(
        "The file {path} was changed outside Stillroom, or is damaged; what it says is used.",
        "If you did not change it, see whether everything in it is as it should be.",
        path=str(path),
    )


def _checksum(document: dict[str, Any]) -> str:
    canonical = msgspec.json.encode(document, order="sorted")
    return hashlib.sha256(canonical).hexdigest()[:_CHECKSUM_DIGITS]
