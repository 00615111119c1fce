"""A stand-in for a child process that gets no answer done, so that a test can end it at any moment."""

import sys
from collections.abc import Sequence

import psutil

_SCRIPT = "import time; time.sleep(600)  # in the place of {name}"


def endless_command(name: str) -> Sequence[str]:
    """Give a command in the place of `child_command(name)`."""
    return [sys.executable, "-c", _SCRIPT.format(name=name)]


def endless_children(name: str) -> list[int]:
    """The process numbers of those that run."""
    command = list(endless_command(name))
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.cmdline() == command and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found
