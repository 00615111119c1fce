"""Measuring what quantising cost: both models read the same text, chunk by chunk, side by side.

Nothing of the full-precision model's predictions is kept beyond the chunks at hand, so neither a disk nor a
memory fills up. Chunks, scored half and BOS are those of llama-perplexity.
"""

import importlib.metadata
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import psutil

from converters.gguf.gguf_reader import ListSummary, inspect
from converters.quality.divergence import Comparer, Floats, Scores, summarise
from converters.quality.evaluation import CONTEXT_TOKENS, Evaluation, Machine, MeasuringText, Window
from converters.quality.token_progress import TokenProgress
from converters.system.errors import BuildError
from models.quantisation.quantisation_loss import Quality
from models.store.manifest import type_in_name
from models.system.progress import OnProgress

_FIRST = CONTEXT_TOKENS // 2
"""The first half of a chunk is read without being scored, so that each prediction has something before it."""

_RESERVE_BYTES = 1 << 30
"""Memory that the computation and other programs need besides the weights."""

_SEQUENCES = 4
"""Chunks that go through a model together, as in llama-perplexity: in other numbers the sums round otherwise.
A streamed model is read once for all of them."""

_LOGIT_BYTES = 4


@dataclass(slots=True)
class _Measured:
    """A quantised model on its way through the text."""

    evaluation: Evaluation
    scores: Scores = field(default_factory=Scores)


def measure_quality(
    reference: Path,
    models: Sequence[Path],
    text: MeasuringText,
    machine: Machine,
    on_progress: OnProgress,
    *,
    most_chunks: int = 0,
    memory_bytes: int | None = None,
) -> list[Quality]:
    """Measure the quality of each of `models` against `reference`, in their order.

    All of them are held in memory together where `memory_bytes` (what is free now, if None) allow it, else
    one after another; a reference that does not fit is streamed from its file. Reports the stage "measure" in
    tokens. Raises `BuildError`, also for models of another vocabulary.
    """
    free_bytes = psutil.virtual_memory().available if memory_bytes is None else memory_bytes
    free_bytes -= _RESERVE_BYTES
    needs = [_needed_bytes(path) for path in models]
    reference_bytes = _needed_bytes(reference)
    streamed = reference_bytes + max(needs) > free_bytes
    together = sum(needs) <= (free_bytes if streamed else free_bytes - reference_bytes)
    groups = [models] if together else [[path] for path in models]
    pass_ = _Pass(reference, text, machine, streamed, most_chunks, on_progress)
    return [quality for group in groups for quality in pass_.measure(group, len(groups))]


class _Pass:
    """One reading of the text by the reference and some models."""

    def __init__(
        self,
        reference: Path,
        text: MeasuringText,
        machine: Machine,
        streamed: bool,
        most_chunks: int,
        on_progress: OnProgress,
    ) -> None:
        self._reference = reference
        self._text = text
        self._machine = machine
        self._streamed = streamed
        self._most_chunks = most_chunks
        self._on_progress = on_progress
        self._comparer = Comparer(machine.threads)
        self._progress: TokenProgress | None = None

    def measure(self, models: Sequence[Path], passes: int) -> list[Quality]:
        started_s = time.monotonic()
        window = Window(first_output=_FIRST, sequences=_SEQUENCES)
        with ExitStack() as stack:
            base = stack.enter_context(
                Evaluation(self._reference, self._machine, window, streamed=self._streamed)
            )
            measured = [
                _Measured(stack.enter_context(Evaluation(path, self._machine, window))) for path in models
            ]
            self._check_vocabulary(base, measured)
            chunks = base.chunks(self._text.data)[: self._most_chunks or None]
            progress = self._begun(base, measured, len(chunks), passes)
            for start in range(0, len(chunks), window.sequences):
                batch = chunks[start : start + window.sequences]
                self._compare(base, measured, batch)
                progress.advance(len(batch) * CONTEXT_TOKENS)
            base_speed = base.decode_tok_per_s()
            speeds = [model.evaluation.decode_tok_per_s() for model in measured]
            seconds = time.monotonic() - started_s
            return [
                self._quality(base, base_speed, model, speed, len(chunks), seconds)
                for model, speed in zip(measured, speeds, strict=True)
            ]

    def _compare(self, base: Evaluation, measured: Sequence[_Measured], batch: Sequence[list[int]]) -> None:
        # The last token's logits predict what no chunk holds.
        kept = [self._comparer.compress(logits[:-1]) for logits in base.run(batch)]
        for model in measured:
            results: zip[tuple[Floats, list[int]]] = zip(model.evaluation.run(batch), batch, strict=True)
            for predictions, (logits, chunk) in zip(kept, results, strict=True):
                self._comparer.compare(logits[:-1], predictions, chunk[_FIRST + 1 :], model.scores)

    def _check_vocabulary(self, base: Evaluation, measured: Sequence[_Measured]) -> None:
        tokens = base.tokenise(self._text.data)
        for model in measured:
            evaluation = model.evaluation
            if evaluation.vocabulary != base.vocabulary or evaluation.tokenise(self._text.data) != tokens:
                raise BuildError(
                    "{file} and {reference} have different vocabularies, so they cannot be compared.",
                    "Choose the full-precision file that the model was made from.",
                    file=evaluation.path.name,
                    reference=base.path.name,
                )

    def _begun(
        self, base: Evaluation, measured: Sequence[_Measured], chunks: int, passes: int
    ) -> TokenProgress:
        if self._progress is None:
            chunk_s = sum(model.chunk_s() for model in (base, *(one.evaluation for one in measured)))
            self._progress = TokenProgress(
                self._on_progress,
                "measure",
                passes * chunks * CONTEXT_TOKENS,
                expected_s=passes * chunks * chunk_s,
            )
        return self._progress

    def _quality(
        self,
        base: Evaluation,
        base_decode_tok_per_s: float,
        model: _Measured,
        decode_tok_per_s: float,
        chunks: int,
        seconds: float,
    ) -> Quality:
        evaluation = model.evaluation
        return Quality(
            reference=type_in_file(base.path),
            reference_bytes=base.bytes,
            bytes=evaluation.bytes,
            text=self._text.name,
            text_sha256=sha256(self._text.data).hexdigest(),
            context_tokens=CONTEXT_TOKENS,
            chunks=chunks,
            **asdict(summarise(model.scores)),
            prompt_tok_per_s=evaluation.prompt_tokens / evaluation.prompt_s,
            decode_tok_per_s=decode_tok_per_s,
            reference_prompt_tok_per_s=base.prompt_tokens / base.prompt_s,
            reference_decode_tok_per_s=base_decode_tok_per_s,
            streamed=self._streamed,
            seconds=round(seconds, 1),
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            tools={name: importlib.metadata.version(name) for name in ("stillroom", "llama-cpp-python")},
        )


def type_in_file(path: Path) -> str:
    """Return the type of a GGUF file's matrices where all have one, as in full precision; else its name's."""
    kinds = {tensor.type for tensor in inspect(path).tensors if len(tensor.shape) > 1}
    return kinds.pop() if len(kinds) == 1 else type_in_name(path.name)


def _needed_bytes(path: Path) -> int:
    """Sum the bytes of a model's weights and of its logits for one batch."""
    tokens = inspect(path).metadata.get("tokenizer.ggml.tokens")
    vocabulary = tokens.length if isinstance(tokens, ListSummary) else 0
    outputs = _SEQUENCES * (CONTEXT_TOKENS - _FIRST)
    return path.stat().st_size + outputs * vocabulary * _LOGIT_BYTES
