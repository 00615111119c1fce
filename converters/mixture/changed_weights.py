"""A loaded model whose weights are replaced in memory, tensor by tensor, and put back."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.gguf.ggml_tensor import GgmlTensor, declared, operation, rows_of, weights_name
from converters.quality.evaluation import Evaluation, Floats, Machine, Window

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

PIECE_TOKENS = 512
"""The length of a piece of text. In shorter ones errors of the first layers do several times as much as they
do in use: with SmolLM2 an embedding in Q4_0 costs a fifth less behind 256 tokens than behind 16, early layers
a third to a half of it."""


@dataclass(frozen=True, slots=True)
class ColumnInputs:
    """The inputs of a matrix by its columns, summed over all tokens: their squares, and their shares in the
    squares of each token, so that each token counts the same.

    Both differ where the first token of a text has activations that are thousands of times larger than any
    other's, as it has in some layers (https://arxiv.org/abs/2402.17762).
    """

    squares: Doubles
    shares: Doubles


class ChangeableModel:
    """The full-precision model `path` in memory of its own. Use it in a `with`; one thread.

    Raises `BuildError` where it cannot be loaded.
    """

    def __init__(self, path: Path, machine: Machine, ggml: Any, first_output: int, sequences: int) -> None:
        self._ggml = declared(ggml)
        self._mul_mat = operation(ggml, b"MUL_MAT")
        self._reads = {self._mul_mat, operation(ggml, b"GET_ROWS")}
        self._places: dict[str, list[int]] = {}
        self._inputs: dict[str, ColumnInputs] | None = None
        self._error: Exception | None = None
        self._window = Window(
            first_output,
            sequences,
            tokens=PIECE_TOKENS,
            on_tensor=self._note,
            own_weights=True,
        )
        self.evaluation = Evaluation(path, machine, self._window)

    def __enter__(self) -> "ChangeableModel":
        return self

    def __exit__(self, *_: object) -> None:
        self.evaluation.close()

    def run(self, chunks: Sequence[Sequence[int]]) -> list[Floats]:
        """Evaluate the chunks; their logits are good until the next call."""
        return list(self.evaluation.run(chunks))

    def run_watched(self, chunks: Sequence[Sequence[int]]) -> tuple[list[Floats], dict[str, ColumnInputs]]:
        """Evaluate the chunks, and return beside their logits what each matrix is multiplied with."""
        inputs = self._inputs = {}
        try:
            logits = self.run(chunks)
        finally:
            self._inputs = None
        if self._error is not None:
            raise self._error
        return logits, inputs

    def replace(self, name: str, data: Bytes) -> None:
        """Put `data` into the tensor `name`, wherever it is in memory; after the first `run`."""
        for address in self._places.get(name, ()):
            tensor = GgmlTensor.from_address(address)
            self._ggml.ggml_backend_tensor_set(ctypes.byref(tensor), data.ctypes.data, 0, data.nbytes)

    def keep_cache_in(self, kv_type: str) -> None:
        """See `Evaluation.keep_cache_in`."""
        self.evaluation.keep_cache_in(kv_type)

    @property
    def names(self) -> set[str]:
        """The names of the matrices that a run has read."""
        return set(self._places)

    def _note(self, address: int, asked: bool) -> bool:
        """Note where the weights of an operation are, and look at its inputs where they are watched."""
        tensor = GgmlTensor.from_address(address)
        if tensor.op not in self._reads:
            return False
        weights = tensor.src[0]
        name = weights_name(weights.contents.name)
        if not name.endswith(".weight"):
            return False
        place = ctypes.addressof(weights.contents)
        if place not in self._places.setdefault(name, []):
            self._places[name].append(place)
        inputs = tensor.src[1].contents
        if self._inputs is None or tensor.op != self._mul_mat or inputs.type != 0:
            return False
        if not asked:
            try:
                self._add(self._inputs, name, rows_of(self._ggml, inputs))
            except Exception as error:  # noqa: BLE001 - nothing may leave a callback of C
                self._error = error
        return self._error is None

    def _add(self, inputs: dict[str, ColumnInputs], name: str, rows: Floats) -> None:
        squares = np.square(rows, dtype=np.float64)
        sums = squares.sum(axis=1, keepdims=True)
        shares = (squares / np.where(sums > 0, sums, 1.0)).sum(axis=0)
        before = inputs.get(name)
        if before is None:
            inputs[name] = ColumnInputs(squares.sum(axis=0), shares)
        else:
            inputs[name] = ColumnInputs(before.squares + squares.sum(axis=0), before.shares + shares)
