"""Compares final answers in a process of its own, with limits on time and memory."""

import contextlib
import json
import os
import queue
import subprocess
import threading
import time

from app.base.children import child_command
from app.base.errors import Cancelled
from app.bench.quality.answers.plain_answer import plain_answer
from models.system.child_process import NO_WINDOW

TIME_LIMIT_S = 5.0
START_LIMIT_S = 30.0
POLL_S = 0.05


class AnswerJudge:
    """Says whether two final answers are the same; one thread. The process starts with the first pair that
    needs it, and again after one that took more than `time_limit_s`. Close it, or use it in a `with`."""

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def __enter__(self) -> "AnswerJudge":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()

    def same(self, expected: str, found: str, cancel: threading.Event | None = None) -> bool | None:
        """Tell whether they mean the same; None where that took too long or too much memory, so nobody knows.

        Raises `Cancelled` within a tenth of a second of `cancel`.
        """
        if plain_answer(expected) == plain_answer(found):
            return True
        try:
            process = self._started(cancel)
            assert process.stdin is not None
            request = json.dumps({"expected": expected, "found": found})
            process.stdin.write(request.encode() + b"\n")
            process.stdin.flush()
            answer = self._line(self._time_limit_s, cancel)
        except OSError:
            answer = b""
        except Cancelled:
            self.close()
            raise
        if not answer:
            self.close()
            return None
        same: bool | None = json.loads(answer)["same"]
        return same

    def _started(self, cancel: threading.Event | None) -> "subprocess.Popen[bytes]":
        if self._process is not None:
            return self._process
        self._lines = queue.SimpleQueue()
        self._process = process = subprocess.Popen(
            child_command("answers"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Without it the child would import from the working folder, which may be the user's own project.
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            creationflags=NO_WINDOW,
            start_new_session=True,
        )
        threading.Thread(target=_read, args=(process, self._lines), name="answers", daemon=True).start()
        self._line(START_LIMIT_S, cancel)
        return process

    def _line(self, limit_s: float, cancel: threading.Event | None) -> bytes:
        """The next line; empty where the process has ended or the time is over."""
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            if cancel is not None and cancel.is_set():
                raise Cancelled
            with contextlib.suppress(queue.Empty):
                return self._lines.get(timeout=POLL_S)
        return b""


def _read(process: "subprocess.Popen[bytes]", lines: "queue.SimpleQueue[bytes]") -> None:
    assert process.stdout is not None
    with contextlib.suppress(OSError, ValueError):
        for line in process.stdout:
            lines.put(line)
    lines.put(b"")
