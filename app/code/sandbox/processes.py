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


def stop_all(pid: int, but_first: int = 0) -> tuple[list[int], list[int]]:
    """Let everything below `pid` stand still, but for the first so many: all of them, and those that did not
    stand still already, for `go_on`."""
    found: list[int] = []
    stopped: list[int] = []
    # Until none is found that was started meanwhile: those that stand still start no more.
    while new := [one for one in descendants_at_once(pid)[but_first:] if one not in found]:
        for one in new:
            with contextlib.suppress(OSError):
                if not _stands_still(one):
                    os.kill(one, signal.SIGSTOP)
                    stopped.append(one)
        found += new
    return found, stopped


def _stands_still(pid: int) -> bool:
    """Tell whether somebody has stopped a process, which it may not have come to yet; raises OSError."""
    for line in Path(f"/proc/{pid}/status").read_bytes().splitlines():
        name, _, value = line.partition(b":")
        if name == b"State" and value.lstrip().startswith(b"T"):
            return True
        if name == b"ShdPnd":
            return bool(int(value, 16) >> (signal.SIGSTOP - 1) & 1)
    return False


def first_threads(pids: list[int], threads: int) -> tuple[list[int], list[int]]:
    """The first of `pids` that have so many threads together, at least one of them; and the others."""
    for place, pid in enumerate(pids):
        with contextlib.suppress(OSError):
            # Two links are no thread's.
            threads -= Path(f"/proc/{pid}/task").stat().st_nlink - 2
        if threads < 0 and place > 0:
            return pids[:place], pids[place:]
    return pids, []


def go_behind(pids: list[int], nice: int, *, with_session: bool = True) -> None:
    """Let processes give way to others from now on; nobody can take that back without rights.

    Their sessions as well, of which a user may change ten in a second: not `with_session` where they soon
    make another one.
    """
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)
        if not with_session:
            continue
        with contextlib.suppress(OSError):
            # Where sessions share the processors, only this counts beside those of others.
            session = Path(f"/proc/{pid}/autogroup")
            if not session.read_text().endswith(f"nice {nice}\n"):
                session.write_text(str(nice))


def go_on(pids: list[int]) -> None:
    """Let processes run again after `stop_all`."""
    # Children first: one that its parent stops from now on stays so.
    for pid in reversed(pids):
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
