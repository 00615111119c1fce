"""The parent's side of a long piece of work in a child: the request in, progress and the result out."""

import contextlib
import logging
import queue
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from typing import Any, Self, TypeVar

import msgspec

from converters.process.messages import FilesNeeded, FileUsed, Refused, Step, decoder_of, line_of
from converters.system.errors import BuildError, CheckpointError, GgufError
from models.hub.shard_feed import ShardFeed
from models.system.child_process import NO_WINDOW, computing_environment
from models.system.disk_space import DiskFullError
from models.system.errors import StillroomError
from models.system.progress import JobContext, OnProgress, raise_if_cancelled

log = logging.getLogger(__name__)

_CANCEL_CHECK_S = 0.05
_LAST_WORDS_BYTES = 4096

R = TypeVar("R")


class ChildEnded(Exception):
    """The child ended without an answer; `words` is the end of what it wrote to stderr."""

    def __init__(self, returncode: int, words: str) -> None:
        super().__init__(returncode, words)
        self.returncode = returncode
        self.words = words


class Child:
    """A process in which `child_server.serve` runs, from when this is made until the context is left."""

    def __init__(self, command: Sequence[str]) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                bufsize=0,
                env=computing_environment(),
                # Ctrl+C in a terminal is for the program, which then ends the child.
                start_new_session=True,
                creationflags=NO_WINDOW,
            )
        except BaseException:
            self._stderr.close()
            raise
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read_lines, name="child", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # It has said its last word, or is not to say it.
        self._process.kill()
        with self._process, self._stderr:
            self._process.wait()
            self._reader.join()

    def say(self, message: object) -> None:
        """Send it one message; that it has ended is noticed by its lines."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(line_of(message))

    def next_line(self, timeout_s: float) -> bytes | None:
        """Return its next line, an empty one at its end; None when the time is over, or after `wake`."""
        try:
            return self._lines.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def wake(self) -> None:
        """Let `next_line` return at once; any thread."""
        self._lines.put(None)

    def unexpected_end(self) -> ChildEnded:
        """Return the error for a child that ended without an answer. Waits for its end."""
        returncode = self._process.wait()
        self._stderr.seek(0, 2)
        self._stderr.seek(max(0, self._stderr.tell() - _LAST_WORDS_BYTES))
        words = self._stderr.read().decode("utf-8", "replace").strip()
        log.error("the child ended with %s: %s", returncode, words)
        return ChildEnded(returncode, words)

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        while piece := self._process.stdout.read(65536):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                self._lines.put(line)
        self._lines.put(b"")


def converse(
    child: Child,
    request: msgspec.Struct,
    result_type: type[R],
    job: JobContext,
    feed: ShardFeed | None = None,
) -> R:
    """Send `request`, the child's only one, pass its progress on, return its result.

    It blocks; `Cancelled` comes at once, and leaving the child's context ends it. `feed` brings the files
    that it waits for. Raises the `StillroomError` that the child or the feed raised, or `ChildEnded`.
    """
    answers: Any = Step | Refused | FilesNeeded | FileUsed | result_type
    decoder = decoder_of(answers)
    if feed is not None:
        feed.listen(child.wake)
    child.say(request)
    while True:
        raise_if_cancelled(job.cancel)
        if feed is not None:
            _pass_on(feed, child, job.on_progress)
        line = child.next_line(_CANCEL_CHECK_S)
        if line is None:
            continue
        if not line:
            raise child.unexpected_end()
        answer = decoder.decode(line)
        if isinstance(answer, Step):
            if feed is None or feed.progress() is None:
                job.on_progress(answer.progress)
        elif isinstance(answer, Refused):
            raise _error(answer)
        elif isinstance(answer, FilesNeeded):
            assert feed is not None
            feed.begin(answer.files)
        elif isinstance(answer, FileUsed):
            assert feed is not None
            feed.used(answer.file)
        else:
            assert isinstance(answer, result_type)
            return answer


def _pass_on(feed: ShardFeed, child: Child, on_progress: OnProgress) -> None:
    """Tell the child what has arrived, and the listener of the transfer while the child depends on it."""
    for arrival in feed.arrived():
        child.say(arrival)
    progress = feed.progress()
    if progress is not None:
        on_progress(progress)


def _error(refused: Refused) -> StillroomError:
    if refused.kind == CheckpointError.__name__:
        return CheckpointError(refused.message, refused.hint, **refused.values)
    if refused.kind == GgufError.__name__:
        return GgufError(refused.message, refused.hint, **refused.values)
    if refused.disk_need is not None:
        full = DiskFullError(refused.message, refused.hint, **refused.values)
        full.need = refused.disk_need
        return full
    return BuildError(refused.message, refused.hint, native=refused.native, **refused.values)
