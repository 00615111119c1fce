"""Damaged safetensors files are refused by name; in whole ones every tensor is found."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.checkpoint.safetensors_file import MAX_HEADER_BYTES, read_header
from converters.system.errors import CheckpointError
from tests.support.checkpoints import write_safetensors

Header = dict[str, Any]


def entry(start: int, end: int, shape: list[Any] | None = None, dtype: str = "F32") -> Header:
    return {
        "dtype": dtype,
        "shape": [(end - start) // 4] if shape is None else shape,
        "data_offsets": [start, end],
    }


def write(path: Path, header: bytes | Header, data: bytes, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def test_tensors_are_found_by_name(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    weights = np.arange(12, dtype=np.float32).reshape(3, 4)
    write_safetensors(file, {"b": weights, "a": weights[:1].astype(np.float16)})
    tensors = read_header(file)
    assert list(tensors) == ["a", "b"]
    assert (tensors["b"].dtype, tensors["b"].shape, tensors["a"].size) == ("F32", (3, 4), 8)
    stored = file.read_bytes()[tensors["b"].offset :][: tensors["b"].size]
    assert np.array_equal(np.frombuffer(stored, np.float32).reshape(3, 4), weights)


def test_a_scalar_and_an_empty_tensor_are_valid(tmp_path: Path) -> None:
    file = write(tmp_path / "m", {"s": entry(0, 4, []), "e": entry(4, 4, [0, 7])}, bytes(4))
    assert {name: tensor.shape for name, tensor in read_header(file).items()} == {"e": (0, 7), "s": ()}


DAMAGED: dict[str, tuple[bytes | Header, bytes, int | None, str]] = {
    "no header": (b"", b"", 1, "cut short"),
    "a header longer than the file": (b"{}", b"", 1 << 62, "cut short"),
    "no JSON": (b"{nonsense", b"", None, "not valid JSON"),
    "no text": (b"\xff\xfe\x00", b"", None, "not valid JSON"),
    "deep nesting": (b"[" * 100_000, b"", None, "not valid JSON"),
    "a number of ten thousand digits": (b'{"a": ' + b"9" * 10_000 + b"}", b"", None, "not valid JSON"),
    "a list": (b"[]", b"", None, "not a table"),
    "an entry that is a number": ({"a": 1}, b"", None, "malformed"),
    "a name twice": (
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},'
        b' "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}',
        bytes(4),
        None,
        "twice",
    ),
    "an unknown dtype": ({"a": entry(0, 4, dtype="Q4")}, bytes(4), None, "data type Q4"),
    "no dtype": ({"a": {"shape": [1], "data_offsets": [0, 4]}}, bytes(4), None, "data type"),
    "a negative dimension": ({"a": entry(0, 4, [-1])}, bytes(4), None, "malformed"),
    "a true dimension": ({"a": entry(0, 4, [True])}, bytes(4), None, "malformed"),
    "a broken dimension": ({"a": entry(0, 4, [1.0])}, bytes(4), None, "malformed"),
    "one offset": ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}, bytes(4), None, "malformed"),
    "an end before its start": (
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}},
        bytes(4),
        None,
        "does not follow",
    ),
    "a size that is not the shape's": ({"a": entry(0, 8, [3])}, bytes(8), None, "does not follow"),
    "a product beyond 64 bits": ({"a": entry(0, 4, [1 << 40, 1 << 40])}, bytes(4), None, "does not follow"),
    "past the end": ({"a": entry(0, 8)}, bytes(4), None, "past the end"),
    "an overlap": ({"a": entry(0, 8), "b": entry(4, 12)}, bytes(12), None, "overlaps"),
    "the same place twice": ({"a": entry(0, 4), "b": entry(0, 4)}, bytes(4), None, "overlaps"),
    "a hole": ({"a": entry(0, 4), "b": entry(8, 12)}, bytes(12), None, "hole"),
    "bytes that belong to nothing": ({"a": entry(0, 4)}, bytes(8), None, "length"),
}


@pytest.mark.parametrize("case", list(DAMAGED))
def test_a_damaged_file_is_refused(case: str, tmp_path: Path) -> None:
    header, data, length, reason = DAMAGED[case]
    file = write(tmp_path / "model.safetensors", header, data, length)
    with pytest.raises(CheckpointError, match=reason) as refused:
        read_header(file)
    assert "model.safetensors" in str(refused.value)
    assert refused.value.hint


def test_a_header_over_the_formats_limit_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    with file.open("wb") as out:
        out.write(struct.pack("<Q", MAX_HEADER_BYTES + 1))
        out.truncate(MAX_HEADER_BYTES + 100)
    with pytest.raises(CheckpointError, match="longer than the format allows"):
        read_header(file)


def test_every_truncation_of_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    write_safetensors(file, {"a": np.ones((2, 3), np.float32), "b": np.ones(2, np.float16)})
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            read_header(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.safetensors cannot be read"):
        read_header(tmp_path / "gone.safetensors")
