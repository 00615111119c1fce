"""Tell whether the memory that llama.cpp asks for comes in large pages."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from models.system.child_process import HUGE_PAGES, computing_environment

LEAST_GLIBC = (2, 35)
_SWITCH = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def has_large_pages(
    environment: Mapping[str, str] = os.environ,
    switch: Path = _SWITCH,
    libc: tuple[str, str] | None = None,
) -> bool:
    """Tell whether Linux gives them to everybody ("always"), or to a process that asks for them, as glibc
    does where it is told to (`models.system.child_process.computing_environment`)."""
    try:
        chosen = switch.read_text()
    except OSError:
        return False
    if "[always]" in chosen:
        return True
    name, version = libc if libc is not None else platform.libc_ver()
    asks = HUGE_PAGES in environment.get("GLIBC_TUNABLES", "")
    return "[madvise]" in chosen and asks and name == "glibc" and _numbers(version) >= LEAST_GLIBC


def engine_has_large_pages() -> bool:
    """Tell whether an engine's process gets them that is started from here."""
    return has_large_pages(computing_environment())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
