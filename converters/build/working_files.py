"""The files of a build before they have their names, and the lock that keeps two builds of one name apart."""

import contextlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from converters.system.errors import BuildError


def check_name(name: str) -> None:
    """Refuse a name that is no plain file name on Windows or Linux."""
    forbidden = set('/\\:*?"<>|')
    if not name or name.startswith(".") or any(c in forbidden or ord(c) < 32 for c in name):
        raise BuildError("The name {name} cannot be a file's name.", "Choose another name.", name=repr(name))


def working_path(out_dir: Path, name: str, kind: str) -> Path:
    """Return the path of the hidden working file of one type."""
    return out_dir / f".{_stem(name)}-{kind}.gguf.part"


def journal_path(out_dir: Path, name: str) -> Path:
    """Return the path of the journal of what the working files hold."""
    return out_dir / f".{_stem(name)}.journal"


def final_path(out_dir: Path, name: str, kind: str) -> Path:
    """Return the path of a finished file."""
    return out_dir / f"{name}-{kind}.gguf"


@contextlib.contextmanager
def locked(out_dir: Path, name: str) -> Iterator[None]:
    """Lock the working files of `name`. Raises `BuildError` where another build of this name is running."""
    lock = out_dir / f".{_stem(name)}.lock"
    try:
        with filelock.FileLock(lock, timeout=0):
            try:
                yield
            finally:
                if os.name != "nt":  # there filelock removes it
                    lock.unlink(missing_ok=True)
    except filelock.Timeout:
        raise BuildError(
            "{name} is being built already.", "Wait until that build has ended, or cancel it.", name=name
        ) from None


def remove_working_files(out_dir: Path, name: str) -> None:
    """Delete what a build of `name` has made so far; its lock must be held."""
    journal_path(out_dir, name).unlink(missing_ok=True)
    for file in out_dir.glob(f".{_stem(name)}*.part"):
        file.unlink(missing_ok=True)


def discard_build(out_dir: Path, name: str) -> None:
    """Delete what an unfinished build of `name` has left, unless another one is running."""
    with contextlib.suppress(BuildError):
        if out_dir.is_dir():
            with locked(out_dir, name):
                remove_working_files(out_dir, name)


def _stem(name: str) -> str:
    return f"{zlib.crc32(name.encode('utf-8')):08x}"
