"""Landlock: which files a process and its children may touch, kept by the kernel.

https://docs.kernel.org/userspace-api/landlock.html
"""

import contextlib
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from app.code.sandbox import kernel

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_READ = _EXECUTE | _READ_FILE | _READ_DIR

SCOPES_SINCE = 6
"""The ABI (Linux 6.12) that also keeps signals and abstract sockets in."""


def _all_rights(version: int) -> int:
    """Every right that this ABI knows."""
    last = 12 + (version >= 2) + (version >= 3) + (version >= 5)
    return (1 << (last + 1)) - 1


def restrict(readable: Iterable[str], writable: Iterable[str], devices: Iterable[str] = ()) -> None:
    """Leave this process only what is beneath `readable` and `writable`; missing paths are left out.

    No new TCP connection or listener (ABI 4), no signal and no abstract socket outside (ABI 6), as far as
    this kernel knows them. Raises OSError where there is no Landlock.
    """
    version = kernel.landlock_version()
    if version == 0:
        raise OSError("this kernel has no Landlock")
    rights = _all_rights(version)
    network = 0b11 if version >= 4 else 0
    scopes = 0b11 if version >= SCOPES_SINCE else 0
    length = 24 if version >= SCOPES_SINCE else 16 if version >= 4 else 8
    ruleset = kernel.landlock_ruleset(struct.pack("=QQQ", rights, network, scopes)[:length])
    groups = (
        (readable, _READ),
        (writable, rights & ~_IOCTL_DEVICE),
        (devices, (_READ_FILE | _WRITE_FILE | _IOCTL_DEVICE)),
    )
    for paths, allowed in groups:
        for path in paths:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                _allow(ruleset, path, allowed & rights)
    kernel.landlock_restrict(ruleset)
    os.close(ruleset)


def _allow(ruleset: int, path: str, allowed: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        kernel.landlock_allow(ruleset, allowed if Path(path).is_dir() else allowed & _OF_FILES, place)
    finally:
        os.close(place)
