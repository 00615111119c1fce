"""One engine process as its parent sees it: its pipes, its last words, its end."""

import contextlib
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import BinaryIO, cast

from app.base.parent_death import ABORT_MARK, KillOnClose
from app.engine.client.outbox import Outbox
from app.engine.protocol import Event
from app.engine.protocol.frames import EventReader, FrameError, write_frame
from models.system.child_process import NO_WINDOW, computing_environment

KEPT_STDERR_LINES = 40
LONGEST_STDERR_LINE = 2000

LAST_WORDS_S = 5.0
"""Lines on stderr from longer before the last one have nothing to do with the end."""

LINES_BEFORE_ABORT = 6
"""The reason often stands in the log, and the assertion only says where."""

KILLED = -9
"""Told for a process that even a kill cannot end."""


class EngineChild:
    """A running engine process. A thread of its own writes what is put into the outbox; `read` is for one."""

    def __init__(self, command: Sequence[str], job: KillOnClose, outbox: Outbox) -> None:
        """Start it. Raises `OSError` when it cannot be started."""
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=computing_environment(),
            creationflags=NO_WINDOW,
            # Ctrl+C in a terminal is for the program, which then cancels what the child does.
            start_new_session=True,
        )
        job.add(self._process)
        self._outbox = outbox
        self._reader = EventReader(cast(BinaryIO, self._process.stdout))
        self._stderr: deque[tuple[float, str]] = deque(maxlen=KEPT_STDERR_LINES)
        self._stderr_thread = threading.Thread(target=self._read_stderr, name="engine-stderr", daemon=True)
        self._stderr_thread.start()
        self._writer = threading.Thread(target=self._write, name="engine-writer", daemon=True)
        self._writer.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def read(self) -> Event | None:
        """Wait for the next event; None when the process has ended or sends no valid frame."""
        try:
            return self._reader.read()
        except FrameError:
            return None

    def end(self) -> None:
        """Drop what waits and close its stdin, which ends it at once unless it is stopped; any thread."""
        self._outbox.close()

    def kill(self) -> None:
        """End it whatever it does; any thread."""
        self._process.kill()

    def reap(self, patience_s: float) -> int:
        """Wait for the end (killing it when it does not come) and free the pipes; the exit status.

        A process that a driver holds in the kernel cannot be killed: it is left behind.
        """
        self.end()
        try:
            status = self._process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            try:
                status = self._process.wait(timeout=patience_s)
            except subprocess.TimeoutExpired:
                return KILLED
        self._writer.join(timeout=5)
        self._stderr_thread.join(timeout=5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return status

    def said(self) -> str:
        """Return the end of its stderr, without lines from long before."""
        lines = list(self._stderr)
        return "\n".join(text for at_s, text in lines if at_s > lines[-1][0] - LAST_WORDS_S)

    def last_words(self) -> str:
        """Return the assertion that ended it and the few lines before, else the end of its stderr."""
        lines = self.said().splitlines()
        for index in range(len(lines) - 1, -1, -1):
            if lines[index].startswith(ABORT_MARK):
                before = lines[max(0, index - LINES_BEFORE_ABORT) : index]
                return "\n".join([*before, lines[index].removeprefix(ABORT_MARK)])
        return "\n".join(lines)

    def _write(self) -> None:
        """Write until the outbox is closed, or nobody reads any more: that is noticed by `read`, not here."""
        stream = cast(BinaryIO, self._process.stdin)
        with contextlib.suppress(OSError, ValueError):
            while (frame := self._outbox.take()) is not None:
                write_frame(stream, frame)
        self._outbox.close()
        with contextlib.suppress(OSError, ValueError):
            stream.close()

    def _read_stderr(self) -> None:
        stream = cast(BinaryIO, self._process.stderr)
        while line := stream.readline(LONGEST_STDERR_LINE):
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._stderr.append((time.monotonic(), text))
