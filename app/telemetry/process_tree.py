"""The processes below this one, and which part of the program each belongs to."""

import contextlib
import os
from pathlib import Path

import psutil

from app.base.children import child_name

PROCESSES = Path("/proc")


class ProcessTree:
    """Everything that this process has started, at any depth. One thread at a time.

    A process belongs to the child of ours that it is or that has started it. On Linux the kernel lists each
    process's children (proc_pid_task_tid_children(5)), about 0.3 ms; other systems list all processes.
    """

    def __init__(self) -> None:
        self._parts: dict[int, str] = {}

    def pids(self) -> list[int]:
        """Those that run now."""
        parents = _parents_below(os.getpid())
        known, self._parts = self._parts, {os.getpid(): ""}
        for pid, parent in parents.items():
            # Between fork and exec a child has its parent's command line, so only what was recognised stays.
            self._parts[pid] = known.get(pid) or _own_part(pid) or self._parts.get(parent, "")
        return list(parents)

    def part_of(self, pid: int) -> str:
        """The name of the child of ours that a process of the last `pids` belongs to; "" for this process and
        what it has started besides."""
        return self._parts.get(pid, "")


def _own_part(pid: int) -> str:
    try:
        return child_name(psutil.Process(pid).cmdline()) or ""
    except psutil.Error:
        return ""


def _parents_below(top: int) -> dict[int, int]:
    """Each process below `top` with its parent, parents before their children."""
    if not (PROCESSES / str(top) / "task" / str(top) / "children").exists():
        children = psutil.Process(top).children(recursive=True)
        return {child.pid: _parent(child) for child in children}
    parents: dict[int, int] = {}
    todo = [top]
    while todo:
        parent = todo.pop()
        for child in _children(parent):
            if child not in parents and child != top:
                parents[child] = parent
                todo.append(child)
    return parents


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has just ended
        for thread in (PROCESSES / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):  # a thread of it has
                found += map(int, (thread / "children").read_text().split())
    return found


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0
