"""The parent's side of a long piece of work in a child: the request in, progress and the result out."""

import contextlib
import logging
import queue
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from typing import IO, Any, Protocol, TypeVar

import msgspec

from converters.errors import BuildError, CheckpointError, GgufError
from converters.messages import FileArrived, FilesNeeded, FileUsed, Refused, Step
from models.arrival import Arrival
from models.child_process import NO_WINDOW, computing_environment
from models.errors import StillroomError
from models.progress import OnProgress, Progress, raise_if_cancelled

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


class Feed(Protocol):
    """What brings the files that a child waits for; any thread. See `models.shard_feed.ShardFeed`."""

    def begin(self, needed: Sequence[str]) -> None:
        """Bring these, in this order."""

    def used(self, path: str) -> None:
        """The child needs the file no more."""

    def arrived(self) -> list[Arrival]:
        """What has arrived since the last call; raises what ended the transfer."""

    def progress(self) -> Progress | None:
        """Where the transfer is while the child's own progress depends on it, else None."""


def converse(
    command: Sequence[str],
    request: msgspec.Struct,
    result_type: type[R],
    on_progress: OnProgress,
    cancel: threading.Event | None,
    feed: Feed | None = None,
) -> R:
    """Start `command` (a process that `converters.serving.serve`s), pass its progress on, return its result.

    It blocks and calls `on_progress` on the caller's thread; the child has ended when this does. Setting
    `cancel` ends it at once and raises `Cancelled`. `feed` brings the files that the child waits for. Raises
    the `StillroomError` that the child or the feed raised, or `ChildEnded`.
    """
    answers: Any = Step | Refused | FilesNeeded | FileUsed | result_type
    decoder = msgspec.json.Decoder(answers)
    raise_if_cancelled(cancel)
    with tempfile.TemporaryFile() as stderr, _started(command, stderr) as process:
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        reader = threading.Thread(target=_read_lines, args=(process, lines), name="child", daemon=True)
        reader.start()
        try:
            with contextlib.suppress(OSError):  # its end is noticed below
                assert process.stdin is not None
                process.stdin.write(msgspec.json.encode(request) + b"\n")
            while True:
                raise_if_cancelled(cancel)
                if feed is not None:
                    _pass_on(feed, process, on_progress)
                try:
                    line = lines.get(timeout=_CANCEL_CHECK_S)
                except queue.Empty:
                    continue
                if not line:
                    raise _unexpected_end(process.wait(), stderr)
                answer = decoder.decode(line)
                if isinstance(answer, Step):
                    if feed is None or feed.progress() is None:
                        on_progress(answer.progress())
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
        finally:
            # It has said its last word, or is not to say it.
            process.kill()
            process.wait()
            reader.join()


def _pass_on(feed: Feed, process: "subprocess.Popen[bytes]", on_progress: OnProgress) -> None:
    """Tell the child what has arrived, and the listener of the transfer while the child depends on it."""
    for arrival in feed.arrived():
        message = FileArrived(
            file=arrival.name,
            bytes=arrival.bytes,
            attempt=arrival.attempt,
            verified=arrival.verified,
        )
        with contextlib.suppress(OSError):  # its end is noticed elsewhere
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(message) + b"\n")
    progress = feed.progress()
    if progress is not None:
        on_progress(progress)


def _started(command: Sequence[str], stderr: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        bufsize=0,
        env=computing_environment(),
        # Ctrl+C in a terminal is for the program, which then ends the child.
        start_new_session=True,
        creationflags=NO_WINDOW,
    )


def _read_lines(process: "subprocess.Popen[bytes]", lines: "queue.SimpleQueue[bytes]") -> None:
    assert process.stdout is not None
    with process.stdout as stdout:
        rest = b""
        while piece := stdout.read(65536):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                lines.put(line)
    lines.put(b"")


def _error(refused: Refused) -> StillroomError:
    if refused.kind == CheckpointError.__name__:
        return CheckpointError(refused.message, refused.hint, **refused.values)
    if refused.kind == GgufError.__name__:
        return GgufError(refused.message, refused.hint, **refused.values)
    return BuildError(refused.message, refused.hint, native=refused.native, **refused.values)


def _unexpected_end(returncode: int, stderr: IO[bytes]) -> ChildEnded:
    stderr.seek(0, 2)
    stderr.seek(max(0, stderr.tell() - _LAST_WORDS_BYTES))
    words = stderr.read().decode("utf-8", "replace").strip()
    log.error("the child ended with %s: %s", returncode, words)
    return ChildEnded(returncode, words)
