"""Measuring and collecting in a process of their own, with progress and cancel.

llama.cpp can end the process that it runs in, and what it allocates goes back whole with the process.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import msgspec

from converters.gguf.gguf_reader import check_gguf
from converters.process.child_client import Child, ChildEnded, converse
from converters.system.errors import BuildError
from models.quantisation.quantisation_loss import Quality
from models.system.progress import UNWATCHED, JobContext, raise_if_cancelled

R = TypeVar("R")

OWN_TEXT = "Stillroom's own text"
OWN_TRACES = "Stillroom's own reasoning traces"
"""The names in manifests and matrices of the texts that come with Stillroom."""


class QualityRequest(msgspec.Struct, frozen=True, kw_only=True, tag="quality"):
    """Measure `models` against `reference` on the file `text`, of which at most `most_chunks` (0: all)."""

    reference: Path
    models: list[Path]
    text: Path
    text_name: str
    most_chunks: int = 0


class MeasuredQuality(msgspec.Struct, frozen=True, kw_only=True, tag="measured"):
    """The answer, in the order of the models."""

    qualities: list[Quality]


class ImatrixRequest(msgspec.Struct, frozen=True, kw_only=True, tag="imatrix"):
    """Collect the importance matrix of `model` over the file `text` into the file `out`, with `notes`.

    Where they say what it belongs to, a collection that was stopped goes on.
    """

    model: Path
    text: Path
    text_name: str
    out: Path
    most_chunks: int = 0
    notes: dict[str, str] = {}


class CollectedImatrix(msgspec.Struct, frozen=True, kw_only=True, tag="collected"):
    """The answer: how many chunks it was, and of how many tensors."""

    chunks: int
    tensors: int


class TextRequest(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """Read some chunks of `text` with `model`; the answer is a `TextPart`."""

    model: Path
    text: str
    first_chunk: int
    most_chunks: int


class TextPart(msgspec.Struct, frozen=True, kw_only=True, tag="text_part"):
    """Some chunks of a text, read with one model. `nll` is the sum of the scored tokens' negative
    log-likelihoods in nats, `nll_squares` that of their squares; `all_chunks` is how many the whole text
    has."""

    chunks: int
    all_chunks: int
    scored_tokens: int
    nll: float
    nll_squares: float
    seconds: float


def calibration_text() -> Path:
    """Return the text that importance matrices are collected over; several languages, code and
    mathematics."""
    return _own_text("calibration.txt")


def held_out_text() -> Path:
    """Return the text that quality is measured on; nothing of it is in `calibration_text`."""
    return _own_text("held_out.txt")


def reasoning_calibration_text() -> Path:
    """Return reasoning traces to calibrate with: mathematics, code and logic in several languages, with the
    turns and the thinking marked as R1's template marks them."""
    return _own_text("calibration_reasoning.txt")


def reasoning_held_out_text() -> Path:
    """Return reasoning traces to measure with; no sentence of them is in a text to calibrate with."""
    return _own_text("held_out_reasoning.txt")


def measure(
    reference: Path,
    models: Sequence[Path],
    command: Sequence[str],
    job: JobContext = UNWATCHED,
    *,
    text: Path | None = None,
    most_chunks: int = 0,
) -> list[Quality]:
    """Measure the quality of GGUF files `models` against their full-precision form, in their order.

    `command` starts the measuring process. The stage is "measure", in tokens; its first report says how long
    it takes where that is known. Blocks; any thread. Raises `BuildError`, `GgufError` and `Cancelled`.
    """
    for path in (reference, *models):
        check_gguf(path)
    request = QualityRequest(
        reference=reference,
        models=list(models),
        text=text or held_out_text(),
        text_name=_name_of(text),
        most_chunks=most_chunks,
    )
    return ask(command, request, MeasuredQuality, job).qualities


def collect(
    model: Path,
    out: Path,
    command: Sequence[str],
    job: JobContext = UNWATCHED,
    *,
    text: Path | None = None,
    most_chunks: int = 0,
    notes: Mapping[str, str] | None = None,
) -> CollectedImatrix:
    """Write the importance matrix of the GGUF file `model` to `out`, in llama-imatrix's GGUF format, with
    `notes` in its metadata.

    Where there are `notes`, which say what it belongs to, one that is stopped goes on at the next call. As
    `measure`; the stage is "collect".
    """
    check_gguf(model)
    request = ImatrixRequest(
        model=model,
        text=text or calibration_text(),
        text_name=text.name if text is not None else OWN_TEXT,
        out=out,
        most_chunks=most_chunks,
        notes=dict(notes or {}),
    )
    return ask(command, request, CollectedImatrix, job)


def read_part(request: TextRequest, command: Sequence[str], job: JobContext = UNWATCHED) -> TextPart:
    """Measure how well a GGUF file predicts some chunks of a text, for its perplexity. As `measure`."""
    check_gguf(request.model)
    return ask(command, request, TextPart, job)


def ask(command: Sequence[str], request: msgspec.Struct, result_type: type[R], job: JobContext) -> R:
    """Have the measuring process answer `request`. As `measure`."""
    raise_if_cancelled(job.cancel)
    try:
        with Child(command) as child:
            return converse(child, request, result_type, job)
    except ChildEnded as end:
        raise BuildError(
            "The measuring process ended unexpectedly (code {code}).",
            "The memory may be too small; close other programs and try again.",
            native=end.words,
            code=end.returncode,
        ) from None


def _name_of(text: Path | None) -> str:
    if text is None:
        return OWN_TEXT
    return OWN_TRACES if text == reasoning_held_out_text() else text.name


def _own_text(name: str) -> Path:
    return Path(str(files("resources").joinpath("texts", name)))
