"""The files of a build before they have their names, and the lock that keeps two builds of one name apart."""

import contextlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from converters.errors import BuildError


def check_name(name: str) -> None:
    """Refuse a name that is no plain file name on Windows or Linux."""
    forbidden = set('/\\:*?"<>|')
    if not name or name.startswith(".") or any(c in forbidden or ord(c) < 32 for c in name):
        raise BuildError("The name {name} cannot be a file's name.", "Choose another name.", name=repr(name))


def working_path(out_dir: Path, name: str, kind: str) -> Path:
    """The hidden working file of one type. It is plain ASCII, as llama.cpp opens its output by an ANSI name
    on Windows.
    """
    return out_dir / f".{_stem(name)}-{kind}.gguf.part"


def final_path(out_dir: Path, name: str, kind: str) -> Path:
    """The name of a finished file."""
    return out_dir / f"{name}-{kind}.gguf"


@contextlib.contextmanager
def working_folder(out_dir: Path, name: str) -> Iterator[None]:
    """Own the working files of `name`: none is there at the start, none is left at the end, and nobody else
    has them meanwhile. Raises `BuildError` where another build of this name is running.
    """
    lock = out_dir / f".{_stem(name)}.lock"
    try:
        with filelock.FileLock(lock, timeout=0):
            _remove(out_dir, name)
            try:
                yield
            finally:
                _remove(out_dir, name)
                if os.name != "nt":  # there filelock removes it
                    lock.unlink(missing_ok=True)
    except filelock.Timeout:
        raise BuildError(
            "{name} is being built already.", "Wait until that build has ended, or cancel it.", name=name
        ) from None


def remove_left_behind(out_dir: Path, name: str) -> None:
    """Remove what a build of `name` that was ended has left, unless another one is running."""
    with contextlib.suppress(BuildError):
        if out_dir.is_dir():
            with working_folder(out_dir, name):
                pass


def _remove(out_dir: Path, name: str) -> None:
    for file in out_dir.glob(f".{_stem(name)}-*.gguf.part"):
        file.unlink(missing_ok=True)


def _stem(name: str) -> str:
    return f"{zlib.crc32(name.encode('utf-8')):08x}"
