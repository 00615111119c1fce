"""A GGUF file is believed only as far as its length allows."""

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from converters.gguf.gguf_layout import encode_string, lay_out
from converters.gguf.gguf_reader import ListSummary, check_gguf, inspect, stated_architecture
from converters.gguf.gguf_types import F32
from converters.gguf.metadata_writer import encoded, new_metadata
from converters.system.errors import GgufError
from models.catalogue.starter import starter_file


def ignore(count: int, name: str) -> None:
    pass


def gguf_bytes(
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    tensor_count: int | None = None,
    value_count: int | None = None,
    values: tuple[bytes, ...] = (),
    tensors: tuple[bytes, ...] = (),
    data: bytes = b"",
) -> bytes:
    counts = (
        len(tensors) if tensor_count is None else tensor_count,
        len(values) if value_count is None else value_count,
    )
    head = magic + struct.pack("<IQQ", version, *counts) + b"".join(values) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def value(key: str, kind: int, payload: bytes) -> bytes:
    return encode_string(key) + struct.pack("<I", kind) + payload


def tensor(
    name: str, shape: tuple[int, ...], kind: int = 0, offset: int = 0, dimensions: int | None = None
) -> bytes:
    count = len(shape) if dimensions is None else dimensions
    return (
        encode_string(name)
        + struct.pack("<I", count)
        + struct.pack(f"<{len(shape)}Q", *shape)
        + struct.pack("<IQ", kind, offset)
    )


U32, STRING, ARRAY = 4, 8, 9
HUGE = 2**64 - 1
ONE = tensor("a", (8,))

DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a GGUF"),
    "another format": (gguf_bytes(magic=b"GGML"), "not a GGUF"),
    "version 1": (gguf_bytes(version=1), "version 1"),
    "big-endian": (gguf_bytes(version=3 << 24), "big-endian"),
    "more tensors than bytes": (gguf_bytes(tensor_count=HUGE), "more entries"),
    "more values than bytes": (gguf_bytes(value_count=HUGE), "more entries"),
    "a tensor too many": (gguf_bytes(tensors=(ONE,), tensor_count=2, data=bytes(32)), "damaged"),
    "a value too many": (gguf_bytes(value_count=1, data=bytes(64)), "empty or occurs twice"),
    "a key of 2^63 bytes": (gguf_bytes(values=(struct.pack("<Q", 2**63),), data=bytes(32)), "bytes long"),
    "a key of 64 KiB": (gguf_bytes(values=(value("k" * 65536, U32, bytes(4)),)), "bytes long"),
    "a key twice": (gguf_bytes(values=(value("k", U32, bytes(4)),) * 2), "occurs twice"),
    "an unknown value type": (gguf_bytes(values=(value("k", 13, bytes(4)),)), "unknown type"),
    "a string past the end": (
        gguf_bytes(values=(value("k", STRING, struct.pack("<Q", 999)),)),
        "past the end",
    ),
    "a string of 2^64 bytes": (
        gguf_bytes(values=(value("k", STRING, struct.pack("<Q", HUGE)),)),
        "past the end",
    ),
    "a list past the end": (
        gguf_bytes(values=(value("k", ARRAY, struct.pack("<IQ", U32, 2**62)),)),
        "past the end",
    ),
    "a list whose size overflows": (
        gguf_bytes(values=(value("k", ARRAY, struct.pack("<IQ", U32, 2**62 + 1)),)),
        "past the end",
    ),
    "a list of strings past the end": (
        gguf_bytes(values=(value("k", ARRAY, struct.pack("<IQQ", STRING, 1, 2**40)),)),
        "past the end",
    ),
    "a list of lists": (
        gguf_bytes(values=(value("k", ARRAY, struct.pack("<IQ", ARRAY, 1)),)),
        "list of lists",
    ),
    "alignment 0": (gguf_bytes(values=(value("general.alignment", U32, bytes(4)),)), "alignment is 0"),
    "alignment 48": (gguf_bytes(values=(value("general.alignment", U32, struct.pack("<I", 48)),)), "is 48"),
    "alignment as text": (
        gguf_bytes(values=(value("general.alignment", STRING, encode_string("32")),)),
        "is 32",
    ),
    "more types than tokens": (
        gguf_bytes(
            values=(
                value("tokenizer.ggml.tokens", ARRAY, struct.pack("<IQ", STRING, 1) + encode_string("a")),
                value("tokenizer.ggml.token_type", ARRAY, struct.pack("<IQ2i", 5, 2, 1, 1)),
            )
        ),
        "2 entries for 1 tokens",
    ),
    "a tensor name of 64 bytes": (
        gguf_bytes(tensors=(tensor("n" * 64, (8,)),), data=bytes(32)),
        "64 bytes long",
    ),
    "no dimensions": (gguf_bytes(tensors=(tensor("a", ()),), data=bytes(32)), "0 dimensions"),
    "five dimensions": (gguf_bytes(tensors=(tensor("a", (1,) * 5),), data=bytes(32)), "5 dimensions"),
    "2^32 dimensions": (gguf_bytes(tensors=(tensor("a", (1,), dimensions=2**32 - 1),)), "dimensions"),
    "a dimension of 0": (gguf_bytes(tensors=(tensor("a", (0, 4)),), data=bytes(32)), "impossible shape"),
    "a shape that overflows": (
        gguf_bytes(tensors=(tensor("a", (2**32, 2**32, 4)),), data=bytes(32)),
        "impossible shape",
    ),
    "a shape that overflows to 0": (
        gguf_bytes(tensors=(tensor("a", (2**62, 4)),), data=bytes(32)),
        "impossible",
    ),
    "half a block": (gguf_bytes(tensors=(tensor("a", (48,), 8),), data=bytes(64)), "impossible shape"),
    "a removed type": (gguf_bytes(tensors=(tensor("a", (32,), 4),), data=bytes(32)), "unknown type"),
    "a type from the future": (
        gguf_bytes(tensors=(tensor("a", (32,), 999),), data=bytes(32)),
        "unknown type",
    ),
    "a name twice": (gguf_bytes(tensors=(ONE, tensor("a", (8,), offset=32)), data=bytes(64)), "occurs twice"),
    "data past the end": (gguf_bytes(tensors=(tensor("a", (9,)),), data=bytes(32)), "past the end"),
    "an offset past the end": (
        gguf_bytes(tensors=(tensor("a", (8,), offset=2**63),), data=bytes(32)),
        "where it should",
    ),
    "tensors that overlap": (gguf_bytes(tensors=(ONE, tensor("b", (8,))), data=bytes(64)), "where it should"),
    "no data": (gguf_bytes(tensors=(ONE,)), "cut short"),
}


@pytest.mark.parametrize("case", list(DAMAGED))
def test_a_damaged_file_is_refused(case: str, tmp_path: Path) -> None:
    content, reason = DAMAGED[case]
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(GgufError, match=reason) as refused:
        check_gguf(file)
    assert refused.value.hint


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A whole GGUF file of a few hundred bytes."""
    metadata = new_metadata()
    metadata.add_string("general.architecture", "llama")
    metadata.add_array("tokenizer.ggml.tokens", [f"token {n}" for n in range(40)])
    metadata.add_array("tokenizer.ggml.token_type", [1] * 40)
    metadata.add_float32("llama.rope.freq_base", 1e4)
    weights = np.arange(6, dtype=np.float32)
    layout = lay_out(encoded(metadata), {"a": ((2, 3), F32), "b": ((6,), F32)})
    padded = weights.tobytes() + bytes(8)
    (tmp_path / "small.gguf").write_bytes(layout.header + padded + padded)
    assert layout.bytes == len(layout.header) + 64
    return tmp_path / "small.gguf"


def test_what_is_written_is_read(small: Path) -> None:
    summary = inspect(small)
    tokens = summary.metadata["tokenizer.ggml.tokens"]
    assert isinstance(tokens, ListSummary)
    assert (tokens.type, tokens.length, tokens.first[:2]) == ("string", 40, ["token 0", "token 1"])
    assert summary.text("general.architecture") == "llama"
    assert summary.metadata["llama.rope.freq_base"] == 10000.0
    assert [(t.name, t.shape, t.type, t.bytes) for t in summary.tensors] == [
        ("a", (3, 2), "F32", 24),
        ("b", (6,), "F32", 24),
    ]
    data = small.read_bytes()
    weights = np.arange(6, dtype=np.float32).tobytes()
    assert [data[t.offset : t.offset + t.bytes] for t in summary.tensors] == [weights, weights]
    assert summary.bytes == len(data)


def test_every_truncation_of_a_file_is_refused(small: Path) -> None:
    whole = small.read_bytes()
    end = max(tensor.offset + tensor.bytes for tensor in inspect(small).tensors)
    for length in range(end):
        small.write_bytes(whole[:length])
        with pytest.raises(GgufError):
            check_gguf(small)


def test_a_changed_byte_is_refused_or_read_within_the_file(small: Path) -> None:
    whole = small.read_bytes()
    rng = random.Random(7)
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        small.write_bytes(damaged)
        try:
            summary = inspect(small)
        except GgufError:
            continue
        assert all(tensor.offset + tensor.bytes <= len(whole) for tensor in summary.tensors)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GgufError, match=r"gone\.gguf cannot be read"):
        check_gguf(tmp_path / "gone.gguf")


def test_the_starter_is_whole() -> None:
    starter = starter_file()
    if starter is None:
        pytest.skip("the starter extra is not installed")
    summary = inspect(starter)
    assert len(summary.tensors) == 272
    tokens = summary.metadata["tokenizer.ggml.tokens"]
    assert isinstance(tokens, ListSummary)
    assert tokens.length == 49152


def test_a_file_that_ends_in_gguf_and_is_none_is_not_told_to_end_so(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(gguf_bytes(magic=b"GGML"))
    with pytest.raises(GgufError) as told:
        inspect(file)
    assert "ends in" not in told.value.hint
    assert "damaged" in told.value.hint


def test_the_first_bytes_state_the_architecture() -> None:
    words = value("a", 9, struct.pack("<IQ", 8, 3) + b"".join(map(encode_string, ("x", "y", "z"))))
    data = gguf_bytes(values=(words, value("general.architecture", 8, encode_string("qwen2"))))
    assert stated_architecture("m.gguf", data, 1 << 30) == "qwen2"
    assert stated_architecture("m.gguf", data[:40], 1 << 30) == ""
    number = gguf_bytes(values=(value("general.architecture", 4, struct.pack("<I", 7)),))
    assert stated_architecture("m.gguf", number, 1 << 30) == ""
    with pytest.raises(GgufError, match="not a GGUF file"):
        stated_architecture("m.gguf", b"<html>" + bytes(100), 1 << 30)
    with pytest.raises(GgufError, match="format version 9"):
        stated_architecture("m.gguf", gguf_bytes(version=9), 1 << 30)
