"""Forks what becomes the sandboxed program. Runs in the sandbox process only, which has one thread."""

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from app.code.sandbox import kernel, processes
from app.code.sandbox.control_group import ControlGroup

COUNTED_NICE = 5
"""Of a program whose memory is counted from outside: whoever counts it gets the processor when it needs it. A
third of the weight of others."""


@dataclass(frozen=True, slots=True)
class Started:
    """A running program: its process, the read ends of its output, and why it never ran, asked afterwards."""

    pid: int
    stdout: int
    stderr: int
    failure: Callable[[str], str] = lambda _stderr: ""


def fork(
    become: Callable[[int], NoReturn],
    stdin_text: str,
    group: ControlGroup | None,
    *,
    makes_session: bool = False,
) -> Started:
    """A child in `group` that runs `become`, with output into pipes and `stdin_text` as its input.

    `become` gets a descriptor that an exec closes; what is written to it is why the program cannot run,
    and is raised here as OSError. Whoever does not exec must close it. `makes_session`: it makes another
    session for the program.
    """
    out_read, out_write = os.pipe()
    error_read, error_write = os.pipe()
    why_read, why_write = os.pipe()
    stdin = text_file(stdin_text)
    if group is None:
        # First, so that the program is not there yet while this process waits for that processor.
        keep_to_one_processor(os.getpid())
    pid = os.fork()
    if pid == 0:
        try:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
            os.setsid()
            _limit_memory(group, in_own_session=not makes_session)
            os.dup2(stdin, 0)
            os.dup2(out_write, 1)
            os.dup2(error_write, 2)
            become(why_write)
        except BaseException as error:  # noqa: BLE001 - nothing of the parent may run on in the child
            os.write(why_write, str(error).encode())
        os._exit(127)
    for fd in (out_write, error_write, why_write, stdin):
        os.close(fd)
    with os.fdopen(why_read, "rb") as pipe:
        why = pipe.read().decode("utf-8", "replace")
    started = Started(pid, out_read, error_read)
    if why:
        os.close(out_read)
        os.close(error_read)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise OSError(why)
    return started


def _limit_memory(group: ControlGroup | None, *, in_own_session: bool) -> None:
    """Hold this process to its memory, and let it be the first to end where the whole machine is short.

    Where it may not enter the group, its memory is counted from outside.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(b"1000")
    if group is not None:
        with contextlib.suppress(OSError):
            group.enter()
            return
    keep_to_one_processor(os.getppid())
    # On a busy machine it would take much before the first look otherwise.
    processes.go_behind([os.getpid()], COUNTED_NICE, with_session=in_own_session)
    # Of a huge page that is given back in part all is kept, and a process does not tell it any more.
    kernel.prctl(kernel.PR_SET_THP_DISABLE, 1)


def keep_to_one_processor(watcher: int) -> None:
    """Keep this process, and what it starts, on the processor of the one that counts its memory.

    There it cannot run while that looks, and what other programs take of the processor, it does not get: so a
    look comes in time on a busy machine too.
    """
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[watcher % len(allowed)]})


def text_file(text: str) -> int:
    """A descriptor that reads `text`; an exec closes it."""
    fd = os.memfd_create("text", os.MFD_CLOEXEC)
    view = memoryview(text.encode("utf-8", "surrogateescape"))
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
