"""Forks what becomes the sandboxed program. Runs in the sandbox process only, which has one thread."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from app.code.sandbox import kernel


@dataclass(frozen=True, slots=True)
class Started:
    """A running program: its process, the read ends of its output, and why it never ran, asked afterwards."""

    pid: int
    stdout: int
    stderr: int
    failure: Callable[[str], str] = lambda _stderr: ""


def fork(become: Callable[[int], NoReturn], stdin_text: str) -> Started:
    """A child that runs `become`, with output into pipes and `stdin_text` as its input.

    `become` gets a descriptor that an exec closes; what is written to it is why the program cannot run,
    and is raised here as OSError. Whoever does not exec must close it.
    """
    out_read, out_write = os.pipe()
    error_read, error_write = os.pipe()
    why_read, why_write = os.pipe()
    stdin = text_file(stdin_text)
    pid = os.fork()
    if pid == 0:
        try:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
            os.setsid()
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


def text_file(text: str) -> int:
    """A descriptor that reads `text`; an exec closes it."""
    fd = os.memfd_create("text", os.MFD_CLOEXEC)
    view = memoryview(text.encode("utf-8", "surrogateescape"))
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
