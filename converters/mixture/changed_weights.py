"""A loaded model whose weights are replaced in memory, tensor by tensor, and put back.

Where the weights of one layer are replaced, those before it give what they gave before. Such a reading
leaves out their work but for what costs nothing, and takes what the last of them gave before.
"""

import ctypes
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.gguf.ggml_tensor import GgmlTensor, declared, operation, rows_of, weights_name
from converters.quality.evaluation import Evaluation, Floats, Machine, Window

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

_OUTPUT_OF_LAYER = re.compile(rb"l_out-(\d+)")
"""llama.cpp's name of what a layer hands to the next one."""
_OF_LAYER = re.compile(rb"[^#]*-(\d+)(?: \([a-z]+\))*")
"""The names of what a layer computes, and of views of it."""
_WEIGHTS_OF_LAYER = re.compile(r"blk\.(\d+)\.")

_COSTLY = (b"MUL_MAT", b"MUL_MAT_ID", b"FLASH_ATTN_EXT", b"SOFT_MAX", b"ROPE", b"RMS_NORM", b"GLU")
"""Operations that are left out. None of them gives a number of a row, by which another one reads memory."""

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
        self._costly = {operation(ggml, name) for name in _COSTLY}
        self._attention = operation(ggml, b"FLASH_ATTN_EXT")
        self._none = operation(ggml, b"NONE")
        self._places: dict[str, list[int]] = {}
        self._inputs: dict[str, ColumnInputs] | None = None
        self._error: Exception | None = None
        self._to_keep: Collection[int] = ()
        self._kept: dict[int, Floats] = {}
        """The outputs of layers by their numbers, (tokens, values)."""
        self._first_layer = 0
        self._left_out: list[tuple[GgmlTensor, int]] = []
        """Operations of the reading that goes on, and what they are."""
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

    def run(self, chunks: Sequence[Sequence[int]], first_layer: int = 0) -> list[Floats]:
        """Evaluate the chunks; their logits are good until the next call.

        With one of `first_layers` the chunks must be those of `run_watched`, and the weights of the layers
        before it as they were then.
        """
        self._first_layer = first_layer
        try:
            logits = list(self.evaluation.run(chunks))
        finally:
            self._first_layer = 0
            # llama.cpp uses the same operations for the next chunks.
            for tensor, operation_number in self._left_out:
                tensor.op = operation_number
            self._left_out.clear()
        if self._error is not None:
            raise self._error
        return logits

    def run_watched(
        self, chunks: Sequence[Sequence[int]], keep: Collection[int] = ()
    ) -> tuple[list[Floats], dict[str, ColumnInputs]]:
        """Evaluate the chunks, and return beside their logits what each matrix is multiplied with. What the
        layers `keep` give is kept for `run`."""
        inputs = self._inputs = {}
        self._to_keep = keep
        try:
            logits = self.run(chunks)
        finally:
            self._inputs = None
            self._to_keep = ()
        return logits, inputs

    @property
    def first_layers(self) -> list[int]:
        """The layers that a reading can begin with, 0 first; one behind the last leaves out all of them."""
        return [0, *sorted(layer + 1 for layer in self._kept)]

    def replace(self, name: str, data: Iterable[Bytes]) -> None:
        """Put the parts of `data`, one behind the other, into the tensor `name`, wherever it is in memory;
        after the first `run`."""
        start = 0
        for part in data:
            for address in self._places.get(name, ()):
                tensor = GgmlTensor.from_address(address)
                self._ggml.ggml_backend_tensor_set(ctypes.byref(tensor), part.ctypes.data, start, part.nbytes)
            start += part.nbytes

    def keep_cache_in(self, kv_type: str) -> None:
        """See `Evaluation.keep_cache_in`."""
        self.evaluation.keep_cache_in(kv_type)

    @property
    def names(self) -> set[str]:
        """The names of the matrices that a run has read."""
        return set(self._places)

    def _note(self, address: int, asked: bool) -> bool:
        try:
            return self._look_at(GgmlTensor.from_address(address), asked)
        except Exception as error:  # noqa: BLE001 - nothing may leave a callback of C
            self._error = error
            return False

    def _look_at(self, tensor: GgmlTensor, asked: bool) -> bool:
        """Note where the weights of an operation are, look at its inputs where they are watched, and leave it
        out where it is not needed; tell whether the tensor is wanted once it is computed."""
        output = _OUTPUT_OF_LAYER.fullmatch(tensor.name)
        if output and self._hands_over(int(output[1])):
            if not asked:
                self._hand_over(tensor, int(output[1]))
            return True
        if self._first_layer and tensor.op in self._costly and self._layer_of(tensor) < self._first_layer:
            self._left_out.append((tensor, tensor.op))
            tensor.op = self._none
            return False
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
            self._add(self._inputs, name, rows_of(self._ggml, inputs))
        return True

    def _layer_of(self, tensor: GgmlTensor) -> float:
        """Return the layer that an operation belongs to, by its weights or its name, or that of what asks in
        attention, which has no name; infinite where nothing names one."""
        first = tensor.src[0].contents.name
        found = (
            _WEIGHTS_OF_LAYER.match(weights_name(first))
            or _OF_LAYER.fullmatch(tensor.name)
            or (_OF_LAYER.fullmatch(first) if tensor.op == self._attention else None)
        )
        return int(found[1]) if found else math.inf

    def _hands_over(self, layer: int) -> bool:
        return layer in self._to_keep or (self._first_layer > 0 and layer == self._first_layer - 1)

    def _hand_over(self, tensor: GgmlTensor, layer: int) -> None:
        """Keep what a layer has given, or put in its place what it gave before."""
        if layer in self._to_keep:
            self._kept[layer] = rows_of(self._ggml, tensor).copy()
            return
        kept = self._kept[layer]
        self._ggml.ggml_backend_tensor_set(ctypes.byref(tensor), kept.ctypes.data, 0, kept.nbytes)

    def _add(self, inputs: dict[str, ColumnInputs], name: str, rows: Floats) -> None:
        squares = np.square(rows, dtype=np.float64)
        sums = squares.sum(axis=1, keepdims=True)
        shares = (squares / np.where(sums > 0, sums, 1.0)).sum(axis=0)
        before = inputs.get(name)
        if before is None:
            inputs[name] = ColumnInputs(squares.sum(axis=0), shares)
        else:
            inputs[name] = ColumnInputs(before.squares + squares.sum(axis=0), before.shares + shares)
