"""A child process that computes with what comes from outside, within limits of time and memory.

Text that comes with a model or in its reply can be a program in disguise: a template loops for ever, a
formula takes minutes. It is computed there, one request after the other; a process that passes a limit is
ended, and the next request gets a new one. The other side is `limited_worker.py`.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, cast

import psutil

from app.base import windows_job
from app.base.limited_worker import HEAD, read_frame, write_frame
from models.system.child_process import NO_WINDOW

Breach = Literal["time", "stuck", "died"]
"""The reason why no answer came: too much processor time, none at all for long, or the end of the process."""

START_LIMIT_S = 60.0
STUCK_LIMIT_S = 15.0
"""For a process that does not get to compute: the machine is overloaded, or the process is held."""

WATCH_S = 0.1
IDLE_LOOKS = 20
"""Without a request, after which nobody looks any more until the next one."""

WINDOWS_MEMORY_BYTES = 512 << 20
PIPE_BYTES = 1 << 20

_MALLOC = "glibc.malloc.mmap_threshold=16777216:glibc.malloc.trim_threshold=67108864"
"""A long conversation's text is some hundred KB, which glibc would map and unmap, page by page, each time:
1.3 instead of 0.8 ms for 200 messages."""


@dataclass(slots=True)
class _Watched:
    """A request that is being answered, for the thread that looks after its limits."""

    process: "subprocess.Popen[bytes]"
    began_s: float
    cpu_before_s: float
    cpu_limit_s: float
    wall_limit_s: float
    breach: Breach = "died"


class LimitedProcess:
    """Owner of one child. `ask` from one thread at a time, which lives as long as the child is wanted: on
    Linux the child ends with the thread that started it. `close` from any thread."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command` is of `app.base.children.child_command`; nothing is started yet."""
        self._command = list(command)
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._cpu_s = 0.0
        self._watched: _Watched | None = None
        self._busy = threading.Event()
        self._watching = False
        self._job: int | None = None
        self.generation = 0
        """Counts the processes: what an earlier one was told, a later one does not know."""
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                flags = windows_job.KILL_ON_CLOSE | windows_job.PROCESS_MEMORY
                self._job = windows_job.create_job(flags, memory_bytes=WINDOWS_MEMORY_BYTES)

    @property
    def pid(self) -> int | None:
        """The id of the present process."""
        process = self._process
        return None if process is None else process.pid

    @property
    def closed(self) -> bool:
        """`close` was called."""
        return self._closed

    def ensure(self) -> None:
        """Start a process where there is none, and wait until it is ready. Raises `OSError`."""
        if self._process is None or self._process.poll() is not None:
            self._start()

    def ask(self, request: bytes, cpu_limit_s: float) -> bytes | Breach:
        """The answer to a request, or why there is none; then the next request gets a new process.

        Raises `OSError` where no process can be started, and after `close`.
        """
        self.ensure()
        assert self._process is not None
        limit_s = cpu_limit_s + STUCK_LIMIT_S
        answer, breach = self._exchange(self._process, request, cpu_limit_s, limit_s)
        if answer is None:
            self.drop()
            if self._closed:
                raise OSError("closed")
            return breach
        return answer

    def drop(self) -> None:
        """End the process, if there is one; the next request starts another."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)

    def close(self) -> None:
        """End the process and start no other. Returns at once; requests get `OSError`."""
        with self._lock:
            self._closed = True
            process = self._process
        self._busy.set()
        if process is not None:
            process.kill()
        # Whoever asks reads from its pipes, and drops it as soon as they end.
        if self._watched is None:
            self.drop()

    def _start(self) -> None:
        self.drop()
        tunables = os.environ.get("GLIBC_TUNABLES", "")
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Without it the child would import from the working folder, which may be the user's own project.
            env={
                **os.environ,
                "PYTHONSAFEPATH": "1",
                "GLIBC_TUNABLES": f"{tunables}:{_MALLOC}" if tunables else _MALLOC,
            },
            creationflags=NO_WINDOW,
            start_new_session=True,
        )
        _widen(process)
        if sys.platform == "win32" and self._job is not None:
            with contextlib.suppress(OSError):
                windows_job.put_into_job(self._job, int(process._handle))
        with self._lock:
            self._process = process
            closed = self._closed
        self.generation += 1
        self._cpu_s = 0.0
        ready = None
        if not closed:
            ready, _ = self._exchange(process, None, START_LIMIT_S, START_LIMIT_S)
        if ready is None:
            self.drop()
            raise OSError("it ends at once")

    def _exchange(
        self,
        process: "subprocess.Popen[bytes]",
        request: bytes | None,
        cpu_limit_s: float,
        wall_limit_s: float,
    ) -> tuple[bytes | None, Breach]:
        """Send a request (or nothing, to hear that it is ready) and read the answer."""
        if not self._watching:
            self._watching = True
            threading.Thread(target=self._watch, name="limits", daemon=True).start()
        self._watched = watched = _Watched(process, time.monotonic(), self._cpu_s, cpu_limit_s, wall_limit_s)
        # Waking the thread each time would cost more than a short answer takes.
        if not self._busy.is_set():
            self._busy.set()
        frame = b""
        with contextlib.suppress(OSError, ValueError):
            if request is not None:
                write_frame(cast(BinaryIO, process.stdin), request)
            frame = read_frame(cast(BinaryIO, process.stdout))
        self._watched = None
        if len(frame) < HEAD.size:
            return None, watched.breach
        (self._cpu_s,) = HEAD.unpack_from(frame)
        return frame[HEAD.size :], watched.breach

    # The thread that looks after the limits.

    def _watch(self) -> None:
        idle = 0
        while True:
            self._busy.wait()
            if self._closed:
                return
            time.sleep(WATCH_S)
            watched = self._watched
            idle = idle + 1 if watched is None else 0
            if idle > IDLE_LOOKS:
                idle = 0
                self._busy.clear()
                # One that came just now found it set.
                if self._watched is not None or self._closed:
                    self._busy.set()
            if watched is None:
                continue
            with contextlib.suppress(psutil.Error):
                times = psutil.Process(watched.process.pid).cpu_times()
                if times.user + times.system - watched.cpu_before_s > watched.cpu_limit_s:
                    watched.breach = "time"
                    watched.process.kill()
            if watched.breach == "died" and time.monotonic() - watched.began_s > watched.wall_limit_s:
                watched.breach = "stuck"
                watched.process.kill()


def _widen(process: "subprocess.Popen[bytes]") -> None:
    """Let a whole conversation into the pipes at once, where that can be had."""
    if sys.platform == "linux":
        import fcntl

        for stream in (process.stdin, process.stdout):
            # Refused to a user who has many wide pipes.
            with contextlib.suppress(OSError):
                fcntl.fcntl(cast(BinaryIO, stream), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
