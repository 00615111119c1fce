"""Building a model in a process of its own: checkpoint to GGUF files, with progress and cancel."""

import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from converters.process.child_client import Child, ChildEnded, Feed, converse
from converters.system.errors import BuildError
from converters.gguf.gguf_types import canonical_type
from converters.process.messages import BuildRequest, ComingFile, Finished
from converters.build.working_files import check_name
from models.system.progress import OnProgress, raise_if_cancelled


@dataclass(frozen=True, slots=True)
class BuildOutput:
    """A finished GGUF file. `type` is spelled as llama.cpp does (`Q4_K_M`, `BF16`)."""

    path: Path
    type: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The files that a build made, in the order asked for; the memory is the build process's peak."""

    outputs: tuple[BuildOutput, ...]
    seconds: float
    peak_memory_bytes: int


def build(
    checkpoint_dir: Path,
    types: Sequence[str],
    out_dir: Path,
    name: str,
    *,
    command: Sequence[str] | Child,
    on_progress: OnProgress,
    cancel: threading.Event | None = None,
    imatrix: Path | None = None,
    coming: Sequence[ComingFile] = (),
    feed: Feed | None = None,
    keep_journal: bool = False,
) -> BuildResult:
    """Convert the checkpoint in `checkpoint_dir` to every one of `types`, as
    `<out_dir>/<name>-<TYPE>.gguf`.

    `command` starts the build process (`converters.build.build_worker`), or is one that was started before.
    The stages are "quantise" ("convert" where no type is quantised) and "verify", each counting its own
    bytes. Any thread may call it; it blocks and calls `on_progress` on that thread. Setting `cancel` ends the
    process at once and raises `Cancelled`. Raises `CheckpointError` for what cannot be converted and
    `BuildError` for what went wrong; no half-made file has a final name then. A later call for the same goes
    on where this one was stopped; `discard_build` deletes what it has made so far. `imatrix` is the file of
    an importance matrix, used for types of four bits and less.

    Of the `coming` weight files only the headers need to be there; `feed` brings them while the build goes
    on, and its progress is told as "download" whenever the build waits for it. With `keep_journal` asking for
    a finished build again finds it done; `discard_build` then deletes the journal.
    """
    return _run(
        checkpoint_dir,
        types,
        out_dir,
        name,
        command,
        on_progress,
        cancel,
        imatrix,
        coming,
        feed,
        keep_journal=keep_journal,
    )


def requantise(
    gguf: Path,
    types: Sequence[str],
    out_dir: Path,
    name: str,
    *,
    command: Sequence[str],
    on_progress: OnProgress,
    cancel: threading.Event | None = None,
    imatrix: Path | None = None,
) -> BuildResult:
    """Quantise a GGUF file anew, as `build` does with a checkpoint. From a quantised file this loses
    quality.
    """
    return _run(gguf, types, out_dir, name, command, on_progress, cancel, imatrix)


def _run(
    source: Path,
    types: Sequence[str],
    out_dir: Path,
    name: str,
    command: Sequence[str] | Child,
    on_progress: OnProgress,
    cancel: threading.Event | None,
    imatrix: Path | None,
    coming: Sequence[ComingFile] = (),
    feed: Feed | None = None,
    *,
    keep_journal: bool = False,
) -> BuildResult:
    if not types:
        raise BuildError("No type was chosen to build.", "Choose at least one, such as Q4_K_M.")
    check_name(name)
    request = BuildRequest(
        source=str(source.absolute()),
        types=[canonical_type(kind) for kind in types],
        out_dir=str(out_dir.absolute()),
        name=name,
        imatrix=str(imatrix.absolute()) if imatrix is not None else "",
        coming=list(coming),
        keep_journal=keep_journal,
    )
    raise_if_cancelled(cancel)
    started_s = time.monotonic()
    try:
        with nullcontext(command) if isinstance(command, Child) else Child(command) as child:
            finished = converse(child, request, Finished, on_progress, cancel, feed)
    except ChildEnded as end:
        raise BuildError(
            "The build process ended unexpectedly (code {code}).",
            "Try again; if it happens again, the memory may be too small or a file may be damaged.",
            native=end.words,
            code=end.returncode,
        ) from None
    outputs = tuple(
        BuildOutput(Path(output.path), output.type, output.sha256, output.bytes)
        for output in finished.outputs
    )
    return BuildResult(outputs, time.monotonic() - started_s, finished.peak_memory_bytes)
