"""Locate the tensors of a safetensors file; its header is checked in full.

Format: https://github.com/huggingface/safetensors#format (an 8-byte header length, a JSON header, the data).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from converters.system.errors import CheckpointError
from models.system.foreign_json import MOST_JSON_BYTES, check_values
from models.system.regular_file import open_regular

MAX_HEADER_BYTES = 100_000_000
"""The limit of the format itself."""

_MOST_VALUES = 1 << 19
"""A tensor has some eight: enough for 65,000."""

_MOST_DIMENSIONS = 8

DTYPE_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
    "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4,
    "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip

_DOWNLOAD_AGAIN = "Download the model again; this file is not what its publisher uploaded."


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """The place of a tensor: `offset` counts from the start of the file, `shape` is row-major."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    offset: int
    size: int


def read_header(
    path: Path, copy: Path | None = None, file_size: int | None = None
) -> dict[str, StoredTensor]:
    """Read the tensors of a safetensors file, sorted by name; every bound is checked against its length.

    A file that is missing, such as one of several that an index names, or cannot be read is told here, too.

    The header of a file that is not there yet can be read from a `copy`, with the length that it will have.

    Raises `CheckpointError` for anything that the format forbids: a header that is too long or no JSON,
    a tensor outside the file, tensors that overlap or leave holes, a size that does not follow from dtype and
    shape, a name that occurs twice.
    """
    try:
        with open_regular(copy or path) as file:
            if file_size is None:
                file_size = file.seek(0, 2)
                file.seek(0)
            header_size = int.from_bytes(file.read(8), "little")
            if file_size < 8 or header_size > file_size - 8:
                raise _damaged(path, "The file {file} is damaged: its header is cut short.")
            if header_size > MAX_HEADER_BYTES:
                raise _damaged(
                    path, "The file {file} is damaged: its header is longer than the format allows."
                )
            if header_size > MOST_JSON_BYTES:
                raise _damaged(
                    path, "The file {file} is damaged: its header is longer than that of any model."
                )
            header = _parse(path, file.read(header_size))
    except OSError as error:
        raise CheckpointError(
            "The file {file} cannot be read: {reason}.",
            "Check that it is there and that you may read it.",
            file=path.name,
            reason=error.strerror or str(error),
        ) from error
    start = 8 + header_size
    tensors = [_tensor(path, name, entry, start) for name, entry in header.items() if name != "__metadata__"]
    _check_layout(path, tensors, start, file_size)
    return {tensor.name: tensor for tensor in sorted(tensors, key=lambda tensor: tensor.name)}


def _parse(path: Path, data: bytes) -> dict[str, object]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _damaged(path, "The file {file} is damaged: a name occurs twice in its header.")
        return found

    try:
        check_values(data, _MOST_VALUES)
        header = json.loads(data, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "The file {file} is damaged: its header is not valid JSON.") from error
    if not isinstance(header, dict):
        raise _damaged(path, "The file {file} is damaged: its header is not a table of tensors.")
    return header


def _tensor(path: Path, name: str, entry: object, start: int) -> StoredTensor:
    if not isinstance(entry, dict):
        raise _damaged(path, "The file {file} is damaged: the entry of {tensor} is malformed.", tensor=name)
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        raise CheckpointError(
            "The tensor {tensor} in {file} has the data type {dtype}, which Stillroom does not know.",
            "Use the model's original weights in bf16, f16 or f32.",
            tensor=name,
            file=path.name,
            dtype=dtype,
        )
    counts, ends = _counts(shape), _counts(offsets)
    if counts is None or ends is None or len(ends) != 2:
        raise _damaged(path, "The file {file} is damaged: the entry of {tensor} is malformed.", tensor=name)
    first, end = ends
    if end - first != math.prod(counts) * DTYPE_BYTES[dtype]:
        raise _damaged(
            path,
            "The file {file} is damaged: the size of {tensor} does not follow from its shape.",
            tensor=name,
        )
    return StoredTensor(name, dtype, counts, path, start + first, end - first)


def _counts(value: object) -> tuple[int, ...] | None:
    """Return a list of numbers from 0 on, or None where `value` is none."""
    valid = (
        isinstance(value, list)
        and len(value) <= _MOST_DIMENSIONS
        and all(type(item) is int and 0 <= item < 1 << 63 for item in value)
    )
    return tuple(value) if isinstance(value, list) and valid else None


def _check_layout(path: Path, tensors: list[StoredTensor], start: int, file_size: int) -> None:
    position = start
    for tensor in sorted(tensors, key=lambda tensor: (tensor.offset, tensor.size)):
        if tensor.offset + tensor.size > file_size:
            raise _damaged(
                path,
                "The file {file} is damaged: {tensor} reaches past the end of the file.",
                tensor=tensor.name,
            )
        if tensor.offset < position:
            raise _damaged(
                path, "The file {file} is damaged: {tensor} overlaps another tensor.", tensor=tensor.name
            )
        if tensor.offset > position:
            raise _damaged(
                path, "The file {file} is damaged: there is a hole before {tensor}.", tensor=tensor.name
            )
        position = tensor.offset + tensor.size
    if position != file_size:
        raise _damaged(path, "The file {file} is damaged: its length does not match its header.")


def _damaged(path: Path, message: str, **values: object) -> CheckpointError:
    return CheckpointError(message, _DOWNLOAD_AGAIN, file=path.name, **values)
