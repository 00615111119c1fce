"""A reading from the layer on whose weights are changed gives what a whole one gives, to the last bit."""

from collections.abc import Iterator
from ctypes import CDLL
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from converters.gguf.gguf_reader import GgufSummary, inspect
from converters.mixture.changed_weights import PIECE_TOKENS, ChangeableModel
from converters.quality.evaluation import Machine
from models.catalogue.starter import starter_file

FIRST_SCORED, LAYERS = 448, 30
KEPT = (3, 15, 28, 29)

Bytes = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def starter() -> Path:
    path = starter_file()
    assert path is not None
    return path


@pytest.fixture(scope="module")
def summary(starter: Path) -> GgufSummary:
    return inspect(starter)


@pytest.fixture(scope="module")
def ggml() -> CDLL:
    library = Backend(NativeLog()).ggml
    assert isinstance(library, CDLL)
    return library


@pytest.fixture(scope="module")
def piece(model: ChangeableModel) -> list[int]:
    text = b"The river runs past the mill, and the mill grinds what the farmers bring. " * 60
    return model.evaluation.tokenise(text)[:PIECE_TOKENS]


@pytest.fixture(scope="module")
def model(starter: Path, ggml: CDLL) -> Iterator[ChangeableModel]:
    with ChangeableModel(starter, Machine(2, lambda: 0, lambda: ""), ggml, FIRST_SCORED, 1) as made:
        yield made


@pytest.fixture(scope="module")
def unchanged(model: ChangeableModel, piece: list[int]) -> npt.NDArray[np.float32]:
    [logits], inputs = model.run_watched([piece], KEPT)
    assert f"blk.{LAYERS - 1}.ffn_down.weight" in inputs
    assert model.first_layers == [0, 4, 16, 29, 30]
    return logits.copy()


def weights(starter: Path, summary: GgufSummary, name: str) -> Bytes:
    [tensor] = [each for each in summary.tensors if each.name == name]
    return np.memmap(starter, np.uint8, "r", tensor.offset, (tensor.bytes,))


@pytest.mark.parametrize("first_layer", [0, 4, 16, 29, 30])
def test_the_unchanged_model_gives_the_same(
    model: ChangeableModel, piece: list[int], unchanged: npt.NDArray[np.float32], first_layer: int
) -> None:
    [logits] = model.run([piece], first_layer)
    assert np.array_equal(logits, unchanged)


@pytest.mark.parametrize(
    ("name", "first_layer"),
    [
        ("blk.4.attn_q.weight", 4),
        ("blk.9.ffn_down.weight", 4),
        ("blk.16.attn_output.weight", 16),
        ("blk.29.ffn_gate.weight", 29),
    ],
)
def test_a_changed_tensor_gives_the_same_from_its_layer_on(
    model: ChangeableModel,
    piece: list[int],
    unchanged: npt.NDArray[np.float32],
    starter: Path,
    summary: GgufSummary,
    name: str,
    first_layer: int,
) -> None:
    stored = weights(starter, summary, name)
    changed = stored.copy()
    changed[4::20] ^= 0x33
    half = changed.size // 40 * 20
    model.replace(name, [changed[:half], changed[half:]])
    [whole] = model.run([piece])
    whole = whole.copy()
    [short] = model.run([piece], first_layer)
    assert np.array_equal(short, whole)
    assert not np.array_equal(whole, unchanged)
    model.replace(name, [stored])
    [again] = model.run([piece])
    assert np.array_equal(again, unchanged)


def test_the_products_before_the_first_layer_are_left_out(
    model: ChangeableModel,
    piece: list[int],
    unchanged: npt.NDArray[np.float32],
    starter: Path,
    summary: GgufSummary,
) -> None:
    name = "blk.2.ffn_down.weight"
    stored = weights(starter, summary, name)
    model.replace(name, [np.zeros(stored.size, np.uint8)])
    [logits] = model.run([piece], 4)
    assert np.array_equal(logits, unchanged)
    model.replace(name, [stored])
