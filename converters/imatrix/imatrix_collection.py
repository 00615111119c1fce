"""Collecting an importance matrix: what the weights of a model meet when it reads a text.

As llama-imatrix does it: the squares of the inputs of every matrix multiplication in the blocks are summed
over all tokens, chunk by chunk. https://github.com/ggml-org/llama.cpp/blob/master/tools/imatrix/imatrix.cpp
Matrices of experts (`ggml_mul_mat_id`) are not collected: Stillroom builds no model that has them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.gguf.ggml_tensor import GgmlTensor, declared, operation, rows_of, weights_name
from converters.imatrix.imatrix_file import ImportanceMatrix, Sums
from converters.imatrix.unfinished_imatrix import NOTHING, Collected, UnfinishedMatrix
from converters.quality.evaluation import Evaluation, Machine, MeasuringText, Window
from converters.quality.token_progress import TokenProgress
from converters.system.errors import BuildError
from models.system.progress import OnProgress

# As llama-imatrix has it: a smaller batch is a check of the graph, no text.
_LEAST_ROWS = 16


def collect_imatrix(
    model: Path,
    text: MeasuringText,
    machine: Machine,
    ggml: Any,
    on_progress: OnProgress,
    *,
    most_chunks: int = 0,
    unfinished: UnfinishedMatrix | None = None,
) -> ImportanceMatrix:
    """Collect the matrix of `model` over `text`; `most_chunks` 0 takes all of it.

    Resumes what `unfinished` holds, and keeps its progress there. Reports the stage "collect" in tokens.
    Raises `BuildError`.
    """
    before = unfinished.read() if unfinished is not None else NOTHING
    collector = _Collector(ggml, before)
    # All tokens are outputs: for others llama.cpp leaves out the last block's feed-forward part.
    window = Window(first_output=0, on_tensor=collector.on_tensor)
    with Evaluation(model, machine, window) as evaluation:
        chunks = evaluation.chunks(text.data)[: most_chunks or None]
        progress = TokenProgress(
            on_progress, "collect", len(chunks) * window.tokens, done=before.chunks * window.tokens
        )
        for number, chunk in enumerate(chunks[before.chunks :], before.chunks + 1):
            for _ in evaluation.run([chunk]):
                collector.raise_if_failed()
            if unfinished is not None:
                unfinished.keep(collector.collected(number))
            progress.advance(window.tokens)
    return ImportanceMatrix(collector.sums(), len(chunks), window.tokens, (text.name,))


class _Collector:
    """Adds up the inputs that ggml shows it, to those of `before`."""

    def __init__(self, ggml: Any, before: Collected) -> None:
        self._ggml = declared(ggml)
        self._mul_mat = operation(ggml, b"MUL_MAT")
        self._squares: dict[str, npt.NDArray[np.float64]] = dict(before.squares)
        self._counts: dict[str, int] = dict(before.counts)
        self._error: Exception | None = None

    def on_tensor(self, address: int, asked: bool) -> bool:
        """Answer ggml whether a tensor is wanted, and then take the tensor; ggml's own thread waits."""
        tensor = GgmlTensor.from_address(address)
        if tensor.op != self._mul_mat:
            return False
        weights, inputs = tensor.src[0].contents, tensor.src[1].contents
        name = weights_name(weights.name)
        if asked:
            return name.startswith("blk.") and inputs.ne[1] >= _LEAST_ROWS and inputs.type == 0
        try:
            self._add(name, weights, inputs)
        except Exception as error:  # noqa: BLE001 - nothing may leave a callback of C
            self._error = error
        return self._error is None

    def raise_if_failed(self) -> None:
        """Raise what went wrong in a callback."""
        if self._error is not None:
            raise self._error

    def collected(self, chunks: int) -> Collected:
        """Return what `chunks` of the text have given so far."""
        return Collected(chunks, self._squares, self._counts)

    def sums(self) -> dict[str, Sums]:
        """Return the sums by matrix."""
        return {
            name: Sums(squares.astype(np.float32), np.array([self._counts[name]], np.int64))
            for name, squares in self._squares.items()
        }

    def _add(self, name: str, weights: GgmlTensor, inputs: GgmlTensor) -> None:
        rows = rows_of(self._ggml, inputs)
        matrices = weights.ne[2] * weights.ne[3]
        if matrices != 1:
            raise BuildError("The tensor {tensor} has several matrices in one.", tensor=name)
        if not np.isfinite(rows).all():
            raise BuildError(
                "The model's activations are no numbers at {tensor}.",
                "The file may be damaged; build it again.",
                tensor=name,
            )
        # 32 bits hold the squares of one chunk; over a whole text they would lose the small ones.
        squares = np.einsum("rc,rc->c", rows, rows)
        self._squares[name] = self._squares.get(name, np.zeros((1, rows.shape[1]))) + squares
        self._counts[name] = self._counts.get(name, 0) + len(rows)
