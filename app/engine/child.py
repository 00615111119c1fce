"""One engine process as its parent sees it: its pipes, its last words, its end."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import BinaryIO, cast

from app.engine.frames import EventReader, FrameError, FrameWriter
from app.engine.lifeline import ABORT_MARK, KillOnClose
from app.engine.messages import Event, Message
from app.errors import EngineError

KEPT_STDERR_LINES = 40
LONGEST_STDERR_LINE = 2000


class EngineChild:
    """A running engine process. `write` from any thread, `read` from one."""

    def __init__(self, command: Sequence[str], job: KillOnClose) -> None:
        """Start it. Raises `OSError` when it cannot be started."""
        creation_flags = 0
        if sys.platform == "win32":
            creation_flags = subprocess.CREATE_NO_WINDOW
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=creation_flags,
            # Ctrl+C in a terminal is for the program, which then cancels what the child does.
            start_new_session=True,
        )
        job.add(self._process)
        self._writer = FrameWriter(cast(BinaryIO, self._process.stdin))
        self._reader = EventReader(cast(BinaryIO, self._process.stdout))
        self._stderr: deque[str] = deque(maxlen=KEPT_STDERR_LINES)
        self._stderr_thread = threading.Thread(target=self._read_stderr, name="engine-stderr", daemon=True)
        self._stderr_thread.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def write(self, message: Message) -> None:
        """Send a request. A child that is gone is noticed by `read`, not here."""
        with contextlib.suppress(OSError, ValueError):
            self._writer.write(message)

    def read(self) -> Event | None:
        """The next event; None when the process has ended or talks nonsense."""
        try:
            return self._reader.read()
        except FrameError:
            return None

    def end(self) -> None:
        """Close its stdin, which ends it at once; any thread."""
        with contextlib.suppress(OSError, ValueError):
            self._writer.close()

    def reap(self) -> int:
        """Wait for the end (killing it when it does not come) and free the pipes; the exit status."""
        self.end()
        try:
            status = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._stderr_thread.join(timeout=5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return status

    def last_words(self) -> str:
        """The assertion that ended it, else the end of its stderr."""
        lines = list(self._stderr)
        for line in reversed(lines):
            if line.startswith(ABORT_MARK):
                return line.removeprefix(ABORT_MARK)
        return "\n".join(lines)

    def _read_stderr(self) -> None:
        stream = cast(BinaryIO, self._process.stderr)
        while line := stream.readline(LONGEST_STDERR_LINE):
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._stderr.append(text)


def describe_exit(status: int) -> str:
    """An exit status in words, such as "signal SIGSEGV"."""
    if status < 0:
        try:
            return f"signal {signal.Signals(-status).name}"
        except ValueError:
            return f"signal {-status}"
    return f"exit code {status:#x}" if status > 255 else f"exit code {status}"


def crash_error(status: int, native: str) -> EngineError:
    """What to tell about a process that ended by itself."""
    if status == -9:
        return EngineError(
            "The engine was ended from outside, most likely because the memory ran out.",
            "Send the message again: the model is loaded again by itself. If it happens again, choose a "
            "smaller model or context.",
            native=native,
        )
    return EngineError(
        "The engine stopped unexpectedly ({reason}).",
        "Send the message again: the model is loaded again by itself. If it happens again, load it with a "
        "smaller context or fewer layers on the graphics card.",
        native=native,
        reason=describe_exit(status),
    )
