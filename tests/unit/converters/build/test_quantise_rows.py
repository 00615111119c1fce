"""Weights keep their values, their order and their rounding."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from converters.build import quantise_rows
from converters.build.output import Output
from converters.build.quantise_rows import Bench, row_ranges
from converters.checkpoint.architectures import PlannedTensor
from converters.checkpoint.rope import Rope, llama3_factors
from converters.checkpoint.safetensors_file import read_header
from converters.gguf.ggml_quantise import to_bf16
from converters.gguf.gguf_layout import lay_out
from converters.gguf.gguf_types import BF16, F16, F32, TYPE_NAMED, TensorType
from converters.system.errors import CheckpointError
from tests.support.checkpoints import write_safetensors


def converted(folder: Path, weights: npt.NDArray[Any], kind: TensorType, heads: int = 0) -> tuple[bytes, int]:
    """The tensor as it stands in an output, and the number of ranges that it took."""
    file, part = folder / "model.safetensors", folder / "part"
    write_safetensors(file, {"w": weights})
    stored = read_header(file)["w"]
    tensor = PlannedTensor("w", stored, stored.shape, heads)
    output = Output(kind.name, lay_out({}, {"w": (stored.shape, kind)}))
    place = output.layout.places["w"]
    part.write_bytes(bytes(output.layout.bytes))
    ranges = list(row_ranges(tensor))
    with contextlib.closing(Bench([output], [part])) as bench:
        for piece in reversed(ranges):
            bench.work(piece)
    assert [piece.is_last for piece in ranges] == [False] * (len(ranges) - 1) + [True]
    return part.read_bytes()[place.offset : place.offset + place.bytes], len(ranges)


def round_to_bf16(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    out = np.empty(2 * weights.size, np.uint8)
    to_bf16(np.ascontiguousarray(weights), out)
    return out.view(np.uint16).reshape(weights.shape)


def from_bf16(weights: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    return (weights.astype(np.uint32) << 16).view(np.float32)


def random_f32(*shape: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("range_weights", [16, 1 << 20])
@pytest.mark.parametrize("kind", [BF16, F16, F32])
@pytest.mark.parametrize("dtype", ["bf16", "f16", "f32"])
def test_every_source_becomes_every_type(
    dtype: str, kind: TensorType, range_weights: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantise_rows, "RANGE_WEIGHTS", range_weights)
    wide = random_f32(24, 10)
    stored: npt.NDArray[Any] = {"bf16": round_to_bf16(wide), "f16": wide.astype(np.float16), "f32": wide}[
        dtype
    ]
    exact = from_bf16(stored) if dtype == "bf16" else stored.astype(np.float32)
    wanted: npt.NDArray[Any] = {"BF16": round_to_bf16(exact), "F16": exact.astype(np.float16), "F32": exact}[
        kind.name
    ]
    for heads in (0, 3):
        order = np.arange(24) if not heads else np.arange(24).reshape(3, 2, 4).swapaxes(1, 2).reshape(-1)
        data, ranges = converted(tmp_path, stored, kind, heads)
        assert data == wanted[order].tobytes()
        assert ranges > 1 or range_weights > 16


def test_a_bias_is_reordered_like_its_weights(tmp_path: Path) -> None:
    data, _ = converted(tmp_path, np.arange(16, dtype=np.float32), F32, heads=2)
    assert np.frombuffer(data, np.float32).tolist() == [0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15]


def test_bf16_rounds_to_the_nearest_and_ties_to_even() -> None:
    bits = np.array(
        [0x3F800000, 0x3F807FFF, 0x3F808000, 0x3F808001, 0x3F818000, 0x7F7FFFFF, 0x80000000], np.uint32
    )
    assert round_to_bf16(bits.view(np.float32)).tolist() == [
        0x3F80,
        0x3F80,
        0x3F80,
        0x3F81,
        0x3F82,
        0x7F80,
        0x8000,
    ]


def test_a_nan_stays_one_in_bf16() -> None:
    bits = np.array([0x7F800001, 0xFFFFFFFF, 0x7FC00000], np.uint32)
    assert np.isnan(from_bf16(round_to_bf16(bits.view(np.float32)))).all()


def test_weights_too_large_for_f16_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="too large for f16"):
        converted(tmp_path, np.array([[70000.0, 1.0]], np.float32), F16)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_numbers_that_are_none_are_refused_by_the_tensors_name(bad: float, tmp_path: Path) -> None:
    weights = random_f32(4, 256)
    weights[2, 7] = bad
    for kind in ("Q4_K", "Q8_0", "IQ4_XS"):
        with pytest.raises(CheckpointError, match="tensor w holds numbers that are infinite"):
            converted(tmp_path, weights, TYPE_NAMED[kind])


def test_weights_too_large_to_be_quantised_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="too large to be quantised"):
        converted(tmp_path, np.full((1, 256), 1e30, np.float32), TYPE_NAMED["Q4_K"])


def test_a_source_that_is_cut_short_is_named(tmp_path: Path) -> None:
    file, part = tmp_path / "model.safetensors", tmp_path / "part"
    write_safetensors(file, {"w": random_f32(4, 256)})
    stored = read_header(file)["w"]
    with file.open("r+b") as opened:
        opened.truncate(stored.offset + 100)
    part.write_bytes(bytes(1 << 12))
    output = Output("F32", lay_out({}, {"w": (stored.shape, F32)}))
    with (
        contextlib.closing(Bench([output], [part])) as bench,
        pytest.raises(CheckpointError, match=r"model\.safetensors was cut short"),
    ):
        bench.work(next(row_ranges(PlannedTensor("w", stored, stored.shape))))


def test_llama3_factors_keep_high_frequencies_and_stretch_low_ones() -> None:
    numbers = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    rope = Rope(500000.0, "llama3", {**numbers, "original_max_position_embeddings": 8192.0})
    factors = llama3_factors(rope, 128)
    assert factors.shape == (64,)
    assert factors.dtype == np.float32
    assert (factors[:28] == 1).all()
    assert (factors[-28:] == 8).all()
    assert (np.diff(factors) >= 0).all()
