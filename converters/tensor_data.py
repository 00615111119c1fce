"""The weights of a checkpoint as the bytes of a GGUF tensor, a few MiB at a time.

Converting rounds as ggml does: bf16 to nearest even (`ggml_compute_fp32_to_bf16` in ggml-impl.h), f16 as
IEEE 754.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from converters.architectures import PlannedTensor
from converters.errors import CheckpointError
from converters.gguf_types import BF16, F16, F32, TensorType
from converters.safetensors_file import MappedFile

CHUNK_BYTES = 8 << 20
"""About how much of a tensor is in memory at once."""

_NUMPY = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


Array = npt.NDArray[np.generic]


def chunks_of(file: MappedFile, tensor: PlannedTensor, kind: TensorType) -> Iterator[bytes | memoryview]:
    """The tensor's bytes in the type `kind`, whole rows at a time (whole heads where those are reordered).

    Raises `CheckpointError` where a weight is too large for f16. Each chunk is valid until the next is
    asked for.
    """
    view = file.bytes_of(tensor.source)
    if not tensor.interleave_heads and tensor.source.dtype == kind.name:
        for start in range(0, len(view), CHUNK_BYTES):
            yield view[start : start + CHUNK_BYTES]
            file.forget(tensor.source, start, min(start + CHUNK_BYTES, len(view)))
        return
    weights: Array = np.frombuffer(view, np.dtype(_NUMPY[tensor.source.dtype]))
    weights = weights.reshape(tensor.shape[0], -1)
    rows = _rows_in_a_chunk(tensor, weights.shape[1])
    for start in range(0, weights.shape[0], rows):
        block = weights[start : start + rows]
        if tensor.interleave_heads:
            block = _interleaved(block, tensor.shape[0] // tensor.interleave_heads)
        yield _converted(block, tensor, kind).tobytes()
        row_bytes = weights.itemsize * weights.shape[1]
        file.forget(tensor.source, start * row_bytes, min((start + rows) * row_bytes, len(view)))


def to_bf16(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """32-bit numbers rounded to the nearest bf16, ties to even; a NaN stays one."""
    bits = weights.view(np.uint32)
    rounded = (bits + (np.uint32(0x7FFF) + ((bits >> 16) & 1))) >> 16
    quiet_nan = (bits >> 16) | np.uint32(64)
    return np.where((bits & 0x7FFFFFFF) > 0x7F800000, quiet_nan, rounded).astype(np.uint16)


def from_bf16(weights: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """bf16 as 32-bit numbers, exactly."""
    return (weights.astype(np.uint32) << 16).view(np.float32)


def _interleaved(block: Array, head_rows: int) -> Array:
    """Rows 0 .. n/2-1 and n/2 .. n-1 of each head, alternating: transformers' rotary order to llama.cpp's."""
    halves = block.reshape(-1, 2, head_rows // 2, block.shape[1])
    return halves.swapaxes(1, 2).reshape(block.shape)


def _rows_in_a_chunk(tensor: PlannedTensor, columns: int) -> int:
    rows = max(1, CHUNK_BYTES // (4 * columns))
    if not tensor.interleave_heads:
        return rows
    head_rows = tensor.shape[0] // tensor.interleave_heads
    return max(1, rows // head_rows) * head_rows


def _converted(block: Array, tensor: PlannedTensor, kind: TensorType) -> Array:
    if tensor.source.dtype == kind.name:
        return block
    is_bf16 = tensor.source.dtype == BF16.name
    wide = from_bf16(block.astype(np.uint16)) if is_bf16 else block.astype(np.float32)
    if kind is F32:
        return wide
    if kind is BF16:
        return to_bf16(wide)
    assert kind is F16
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float16)
    if np.isinf(narrow).any() and not np.isinf(wide).any():
        raise CheckpointError(
            "The tensor {tensor} holds weights that are too large for f16.",
            "Build bf16 instead; it has the range of the original weights.",
            tensor=tensor.source.name,
        )
    return narrow
