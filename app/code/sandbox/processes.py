"""The processes below another one (Linux): which they are, and what memory they take together."""

import contextlib
import os
import signal
import time
from pathlib import Path

PAUSE_S = 0.002


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


def memory_bytes(pids: list[int], limit_bytes: int) -> int:
    """Resident memory of `pids` together; shared pages count once only where that decides about the limit."""
    total = sum(_resident(pid) for pid in pids)
    if total > limit_bytes:
        total = sum(_proportional(pid) for pid in pids)
    return total


def kill_all(pid: int) -> None:
    """End everything below `pid`, for which this process must be its reaper: none is left afterwards.

    Stopped first, so that none can start another one while the next is being ended.
    """
    while True:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for one in descendants(pid):
                with contextlib.suppress(OSError):
                    os.kill(one, number)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(PAUSE_S)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return _resident(pid)
