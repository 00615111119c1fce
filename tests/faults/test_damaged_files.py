"""Files that lie about their contents are refused by name, also by the build process, which never crashes."""

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.base.children import child_command
from converters.build.build_client import build
from converters.checkpoint.safetensors_file import read_header
from converters.gguf.gguf_layout import lay_out
from converters.gguf.gguf_reader import check_gguf
from converters.gguf.gguf_types import F16, F32
from converters.gguf.metadata_writer import encoded, new_metadata
from converters.process.messages import BuildRequest
from converters.system.errors import CheckpointError, GgufError
from tests.support.tiny_models import make_sharded_model

Header = dict[str, Any]


def entries(header: Header) -> list[Header]:
    return [value for name, value in header.items() if name != "__metadata__"]


def move_offset(header: Header, rng: random.Random) -> None:
    offsets = rng.choice(entries(header))["data_offsets"]
    offsets[rng.randrange(2)] += rng.choice((-1, 1)) * rng.choice((1, 2, 1 << 20, 1 << 62))


def enlarge_shape(header: Header, rng: random.Random) -> None:
    shape = rng.choice(entries(header))["shape"]
    shape[rng.randrange(len(shape))] += rng.choice((1, 1 << 31, 1 << 63))


def odd_shape(header: Header, rng: random.Random) -> None:
    rng.choice(entries(header))["shape"] = rng.choice((None, "x", [-1], [1.5], [[2]], {}, [True]))


def other_dtype(header: Header, rng: random.Random) -> None:
    rng.choice(entries(header))["dtype"] = rng.choice(("F32", "F64", "U8", "Q4", "", None, 7, []))


def forget_field(header: Header, rng: random.Random) -> None:
    rng.choice(entries(header)).pop(rng.choice(("dtype", "shape", "data_offsets")))


def forget_tensor(header: Header, rng: random.Random) -> None:
    header.pop(rng.choice([name for name in header if name != "__metadata__"]))


DAMAGES: tuple[Callable[[Header, random.Random], None], ...] = (
    move_offset,
    enlarge_shape,
    odd_shape,
    other_dtype,
    forget_field,
    forget_tensor,
)


def damaged_safetensors(data: bytes, rng: random.Random) -> bytes:
    length = int.from_bytes(data[:8], "little")
    text, weights = data[8 : 8 + length], data[8 + length :]
    kind = rng.randrange(4)
    if kind == 0:
        return data[: rng.randrange(len(data))]
    if kind == 1:
        wrong = rng.choice((0, 1, length - 1, length + 1, len(data), 1 << 40, (1 << 64) - 1))
        return wrong.to_bytes(8, "little") + text + weights
    if kind == 2:
        place = rng.randrange(len(text.rstrip()))
        broken = text[:place] + rng.choice((b"\xff", b"\x00")) + text[place + 1 :]
        return length.to_bytes(8, "little") + broken + weights
    header = json.loads(text)
    rng.choice(DAMAGES)(header, rng)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + weights


def refused_safetensors(folder: Path, count: int) -> None:
    file = folder / "model-00002-of-00004.safetensors"
    whole = file.read_bytes()
    rng = random.Random(500)
    for number in range(count):
        damaged = damaged_safetensors(whole, rng)
        if damaged == whole:
            continue
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=file.name.replace(".", r"\.")):
            read_header(file)
        if number % 50 == 0:
            with pytest.raises(CheckpointError, match=file.name.replace(".", r"\.")):
                build_from(folder, folder.parent / "out")
    file.write_bytes(whole)
    assert not (folder.parent / "out").exists()


def build_from(source: Path, out: Path) -> None:
    build(BuildRequest(source, ["Q8_0"], out, "model"), child_command("build"))


def small_gguf(path: Path) -> bytes:
    metadata = new_metadata()
    metadata.add_string("general.architecture", "llama")
    metadata.add_uint32("llama.block_count", 1)
    metadata.add_uint32("llama.attention.head_count", 1)
    metadata.add_array("tokenizer.ggml.tokens", [f"token {number}" for number in range(40)])
    metadata.add_array("tokenizer.ggml.token_type", [1] * 40)
    layout = lay_out(
        encoded(metadata), {"token_embd.weight": ((40, 64), F16), "output_norm.weight": ((64,), F32)}
    )
    rng = np.random.default_rng(1)
    path.write_bytes(layout.header + rng.standard_normal(40 * 64).astype(np.float16).tobytes() + bytes(256))
    assert path.stat().st_size == layout.bytes
    return path.read_bytes()


def enlarged_gguf(data: bytes, rng: random.Random) -> bytes:
    """The file with one declared count, length or size that the file cannot hold."""
    places: list[tuple[int, str]] = [(8, "<Q"), (16, "<Q")]
    for word in (b"general.architecture", b"token 7", b"token_embd.weight", b"tokenizer.ggml.tokens"):
        places.append((data.index(word) - 8, "<Q"))
    tokens = data.index(b"tokenizer.ggml.tokens") + len(b"tokenizer.ggml.tokens")
    places.append((tokens + 8, "<Q"))
    shape = data.rindex(b"token_embd.weight") + len(b"token_embd.weight")
    places += [(shape + 4, "<Q"), (shape + 12, "<Q"), (shape + 24, "<Q")]
    place, packing = rng.choice(places)
    value = rng.choice((len(data), 1 << 31, 1 << 32, 1 << 40, (1 << 63) - 32, (1 << 64) - 1))
    return data[:place] + struct.pack(packing, value) + data[place + 8 :]


def refused_ggufs(folder: Path, count: int) -> None:
    file = folder / "large.gguf"
    whole = small_gguf(file)
    check_gguf(file)
    rng = random.Random(100)
    for number in range(count):
        file.write_bytes(enlarged_gguf(whole, rng) if number % 4 else whole[: -rng.randrange(1, 4000)])
        with pytest.raises(GgufError, match=r"large\.gguf"):
            check_gguf(file)
        if number % 20 == 0:
            with pytest.raises(GgufError, match=r"large\.gguf"):
                build_from(file, folder / "out")
    assert not (folder / "out").exists()


def test_some_damaged_safetensors_are_refused(tmp_path: Path) -> None:
    refused_safetensors(make_sharded_model(tmp_path, 4), 40)


def test_some_ggufs_that_claim_more_than_they_hold_are_refused(tmp_path: Path) -> None:
    refused_ggufs(tmp_path, 15)


@pytest.mark.faults
def test_five_hundred_damaged_safetensors_are_refused(tmp_path: Path) -> None:
    refused_safetensors(make_sharded_model(tmp_path, 4), 500)


@pytest.mark.faults
def test_a_hundred_ggufs_that_claim_more_than_they_hold_are_refused(tmp_path: Path) -> None:
    refused_ggufs(tmp_path, 100)
