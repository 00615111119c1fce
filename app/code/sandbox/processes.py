"""The processes below another one (Linux): which they are, and their end."""

import contextlib
import os
import signal
import time
from pathlib import Path

PAUSE_S = 0.002
_HAS_LISTS = Path("/proc/thread-self/children").exists()


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, parents before children."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # The name in brackets may hold anything.
                parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def descendants_at_once(pid: int) -> list[int]:
    """The same from the kernel's own lists, in a fraction of the time; may miss some that come just now."""
    if not _HAS_LISTS:
        return descendants(pid)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        folder = f"/proc/{waiting.pop()}/task"
        below: list[int] = []
        with contextlib.suppress(OSError):
            for thread in Path(folder).iterdir():
                below += map(int, (thread / "children").read_bytes().split())
        found += below
        waiting += below
    return found


def stop(pids: list[int]) -> list[int]:
    """Let processes stand still until they `go_on`; those of them that did not already."""
    stopped = []
    for pid in pids:
        with contextlib.suppress(OSError):
            # The name in brackets may hold anything.
            if not Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].startswith(b" T"):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
    return stopped


def go_on(pids: list[int]) -> None:
    """Let processes run again after `stop`."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGCONT)


def kill_all(pid: int) -> None:
    """End everything below `pid`, for which this process must be its reaper: none is left afterwards.

    Stopped first, so that none can start another one while the next is being ended. Whoever was missed is
    this process's child in the end.
    """
    while True:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for one in descendants_at_once(pid):
                with contextlib.suppress(OSError):
                    os.kill(one, number)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(PAUSE_S)
