"""Building a model in a process of its own: checkpoint to GGUF files, with progress and cancel."""

import contextlib
import logging
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from converters.errors import BuildError, CheckpointError, GgufError
from converters.gguf_types import canonical_type
from converters.messages import Answer, BuildRequest, Finished, Refused, Step
from converters.working_files import check_name, remove_left_behind
from models.errors import StillroomError
from models.progress import OnProgress, raise_if_cancelled

log = logging.getLogger(__name__)

_CANCEL_CHECK_S = 0.05
_LAST_WORDS_BYTES = 4096


@dataclass(frozen=True, slots=True)
class BuildOutput:
    """A finished GGUF file. `type` is spelled as llama.cpp does (`Q4_K_M`, `BF16`)."""

    path: Path
    type: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made, in the order asked for; the memory is the build process's peak."""

    outputs: tuple[BuildOutput, ...]
    seconds: float
    peak_memory_bytes: int


def build(
    checkpoint_dir: Path,
    types: Sequence[str],
    out_dir: Path,
    name: str,
    *,
    command: Sequence[str],
    on_progress: OnProgress,
    cancel: threading.Event | None = None,
) -> BuildResult:
    """Convert the checkpoint in `checkpoint_dir` to every one of `types`, as
    `<out_dir>/<name>-<TYPE>.gguf`.

    `command` starts the build process (`converters.worker`). The stages are "convert", "quantise" and
    "verify", each counting its own bytes. Any thread may call it; it blocks and calls `on_progress` on that
    thread. Setting `cancel` ends the process at once and raises `Cancelled`. Raises `CheckpointError` for
    what cannot be converted and `BuildError` for what went wrong; no half-made file has a final name then.
    """
    return _run(checkpoint_dir, types, out_dir, name, command, on_progress, cancel)


def requantise(
    gguf: Path,
    types: Sequence[str],
    out_dir: Path,
    name: str,
    *,
    command: Sequence[str],
    on_progress: OnProgress,
    cancel: threading.Event | None = None,
) -> BuildResult:
    """Quantise a GGUF file anew, as `build` does with a checkpoint. From a quantised file this loses
    quality.
    """
    return _run(gguf, types, out_dir, name, command, on_progress, cancel)


def _run(
    source: Path,
    types: Sequence[str],
    out_dir: Path,
    name: str,
    command: Sequence[str],
    on_progress: OnProgress,
    cancel: threading.Event | None,
) -> BuildResult:
    if not types:
        raise BuildError("No type was chosen to build.", "Choose at least one, such as Q4_K_M.")
    check_name(name)
    request = BuildRequest(
        source=str(source.absolute()),
        types=[canonical_type(kind) for kind in types],
        out_dir=str(out_dir.absolute()),
        name=name,
    )
    raise_if_cancelled(cancel)
    started_s = time.monotonic()
    with tempfile.TemporaryFile() as stderr:
        try:
            finished = _converse(command, request, stderr, on_progress, cancel)
        except _Ended as end:
            raise _unexpected_end(end.returncode, stderr) from None
        finally:
            remove_left_behind(out_dir, name)
    outputs = tuple(
        BuildOutput(Path(output.path), output.type, output.sha256, output.bytes)
        for output in finished.outputs
    )
    return BuildResult(outputs, time.monotonic() - started_s, finished.peak_memory_bytes)


class _Ended(Exception):
    """The build process ended without an answer."""

    def __init__(self, returncode: int) -> None:
        super().__init__(returncode)
        self.returncode = returncode


def _converse(
    command: Sequence[str],
    request: BuildRequest,
    stderr: IO[bytes],
    on_progress: OnProgress,
    cancel: threading.Event | None,
) -> Finished:
    """Start the process, pass its progress on, return its result; it has ended when this does."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        bufsize=0,
        # Ctrl+C in a terminal is for the program, which then ends the build.
        start_new_session=True,
    ) as process:
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        reader = threading.Thread(
            target=_read_lines, args=(process, lines), name="build answers", daemon=True
        )
        reader.start()
        try:
            with contextlib.suppress(BrokenPipeError):  # its end is noticed below
                assert process.stdin is not None
                process.stdin.write(msgspec.json.encode(request) + b"\n")
            while True:
                raise_if_cancelled(cancel)
                try:
                    line = lines.get(timeout=_CANCEL_CHECK_S)
                except queue.Empty:
                    continue
                if not line:
                    raise _Ended(process.wait())
                answer: Answer = msgspec.json.decode(line, type=Answer)
                if isinstance(answer, Step):
                    on_progress(answer.progress())
                elif isinstance(answer, Refused):
                    raise _error(answer)
                else:
                    return answer
        finally:
            # It has said its last word, or is not to say it.
            process.kill()
            process.wait()
            reader.join()


def _read_lines(process: subprocess.Popen[bytes], lines: "queue.SimpleQueue[bytes]") -> None:
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


def _unexpected_end(returncode: int, stderr: IO[bytes]) -> BuildError:
    stderr.seek(0, 2)
    stderr.seek(max(0, stderr.tell() - _LAST_WORDS_BYTES))
    words = stderr.read().decode("utf-8", "replace").strip()
    log.error("the build process ended with %s: %s", returncode, words)
    return BuildError(
        "The build process ended unexpectedly (code {code}).",
        "Try again; if it happens again, the memory may be too small or a file may be damaged.",
        native=words,
        code=returncode,
    )
