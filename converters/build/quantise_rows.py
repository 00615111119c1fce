"""A few rows of a tensor on their way from the source to every output: read, convert, quantise, write."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from converters.build.output import Output
from converters.checkpoint.architectures import PlannedTensor
from converters.gguf.ggml_quantise import Bytes, Floats, is_valid, quantise_rows, to_bf16, to_floats
from converters.gguf.gguf_types import BF16, F16, F32, TYPE_NAMED, TensorType
from converters.system.errors import CheckpointError
from models.hub.resumable_file import open_arriving

RANGE_WEIGHTS = 512 << 10
"""About how many weights of a tensor are in a worker's hands at once: their 32-bit form fits the cache."""


@dataclass(frozen=True, slots=True)
class RowRange:
    """Whole rows of a tensor (whole heads where those are reordered), from weight `start` on."""

    tensor: PlannedTensor
    start: int
    weights: int
    is_last: bool

    @property
    def stored_bytes(self) -> int:
        """Bytes of the rows in the source."""
        kind = TYPE_NAMED[self.tensor.source.dtype]
        return self.weights // kind.block * kind.block_bytes

    @property
    def offset(self) -> int:
        """The start of the rows in the source's file, in bytes."""
        kind = TYPE_NAMED[self.tensor.source.dtype]
        return self.tensor.source.offset + self.start // kind.block * kind.block_bytes


def row_ranges(tensor: PlannedTensor) -> Iterator[RowRange]:
    """Yield the tensor's ranges in order."""
    total = prod(tensor.shape)
    unit = columns_of(tensor)
    if tensor.interleave_heads:
        unit = total // tensor.interleave_heads
    step = max(1, RANGE_WEIGHTS // unit) * unit
    for start in range(0, total, step):
        yield RowRange(tensor, start, min(step, total - start), start + step >= total)


def columns_of(tensor: PlannedTensor) -> int:
    """Return the length of a matrix's rows; a vector is a column."""
    return tensor.shape[-1] if len(tensor.shape) > 1 else 1


class Bench:
    """One worker's buffers and open files. One thread at a time may use it.

    `parts` are the outputs' working files. Raises `CheckpointError` for weights that the outputs cannot hold
    or that are not there, and `OSError`.
    """

    def __init__(self, outputs: Sequence[Output], parts: Sequence[Path]) -> None:
        self._outputs = outputs
        self._sources: dict[Path, BinaryIO] = {}
        self._parts = [part.open("r+b", buffering=0) for part in parts]
        self._stored = self._ordered = self._floats = self._out = np.empty(0, np.uint8)

    def close(self) -> None:
        """Close the files."""
        for file in (*self._parts, *self._sources.values()):
            file.close()

    def work(self, rows: RowRange) -> None:
        """Bring the rows into every output."""
        tensor = rows.tensor
        kind = TYPE_NAMED[tensor.source.dtype]
        stored = self._read(rows)
        if tensor.interleave_heads:
            stored = self._interleaved(stored, rows)
        floats: Floats | None = None
        for output, part in zip(self._outputs, self._parts, strict=True):
            place = output.layout.places[tensor.name]
            data = stored
            if place.type is not kind:
                if floats is None:
                    self._floats = _at_least(self._floats, 4 * rows.weights)
                    floats = to_floats(stored, kind, self._floats[: 4 * rows.weights].view("<f4"))
                data = self._converted(floats, place.type, output.importance, tensor)
            part.seek(place.offset + rows.start // place.type.block * place.type.block_bytes)
            view = data.data
            while view:
                view = view[part.write(view) :]

    def _read(self, rows: RowRange) -> Bytes:
        source = rows.tensor.source
        file = self._sources.get(source.file)
        if file is None:
            file = self._sources[source.file] = open_arriving(source.file)
        size = rows.stored_bytes
        self._stored = _at_least(self._stored, size)
        stored = self._stored[:size]
        view = stored.data
        file.seek(rows.offset)
        while view:
            count = file.readinto(view)  # type: ignore[attr-defined]  # an unbuffered file is a RawIOBase
            if not count:
                raise CheckpointError(
                    "The file {file} was cut short while it was read.",
                    "Download the model again.",
                    file=source.file.name,
                )
            view = view[count:]
        return stored

    def _interleaved(self, stored: Bytes, rows: RowRange) -> Bytes:
        """Alternate rows 0 .. n/2-1 and n/2 .. n-1 of each head: transformers' rotary order to
        llama.cpp's."""
        tensor = rows.tensor
        head_rows = tensor.shape[0] // tensor.interleave_heads
        heads = rows.weights // (columns_of(tensor) * head_rows)
        self._ordered = _at_least(self._ordered, stored.size)
        ordered = self._ordered[: stored.size]
        halves = stored.reshape(heads, 2, head_rows // 2, -1)
        np.copyto(ordered.reshape(heads, head_rows // 2, 2, -1), halves.swapaxes(1, 2))
        return ordered

    def _converted(
        self, floats: Floats, kind: TensorType, importance: Mapping[str, Floats], tensor: PlannedTensor
    ) -> Bytes:
        if kind is F32:
            return floats.view(np.uint8)
        if kind is F16:
            return _to_f16(floats, tensor).view(np.uint8)
        size = floats.size // kind.block * kind.block_bytes
        self._out = _at_least(self._out, size)
        out = self._out[:size]
        if kind is BF16:
            to_bf16(floats, out)
            return out
        if np.isfinite(floats).all():
            quantise_rows(floats, kind, columns_of(tensor), importance.get(tensor.name), out)
            if is_valid(out, kind):
                return out
        raise CheckpointError(
            "The tensor {tensor} holds numbers that are infinite, not numbers, or too large to be quantised.",
            "Download the model again; if it stays so, its weights are damaged.",
            tensor=tensor.source.name,
        )


def _to_f16(floats: Floats, tensor: PlannedTensor) -> "np.ndarray[tuple[int], np.dtype[np.float16]]":
    with np.errstate(over="ignore"):
        narrow = floats.astype(np.float16)
    if np.isinf(narrow).any() and not np.isinf(floats).any():
        raise CheckpointError(
            "The tensor {tensor} holds weights that are too large for f16.",
            "Build bf16 instead; it has the range of the original weights.",
            tensor=tensor.source.name,
        )
    return narrow


def _at_least(buffer: Bytes, size: int) -> Bytes:
    return buffer if buffer.size >= size else np.empty(size, np.uint8)
