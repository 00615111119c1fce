"""The tensors that are measured: all of a shallow model, of a deep one those of enough layers to tell the
others, and in each of its types one that meets huge inputs or acts in two ways."""

from concurrent.futures import ThreadPoolExecutor
from ctypes import CDLL
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from app.base.children import child_command
from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from converters.build.build_client import build
from converters.gguf.gguf_reader import inspect
from converters.gguf.gguf_types import TYPE_NAMED
from converters.imatrix.imatrix_file import Importance
from converters.mixture.changed_weights import PIECE_TOKENS, ChangeableModel
from converters.mixture.sensitivity import (
    EMBEDDING,
    FIRST_SCORED,
    Inputs,
    StoredWeights,
    acts_twice,
    beyond,
    levelled,
    measure_costs,
    measured_layers,
    meets_huge_inputs,
    rounding_layers,
    spread,
)
from converters.mixture.tensor_costs import CostsFile
from converters.process.messages import BuildRequest
from converters.quality.divergence import Comparer, Scores
from converters.quality.evaluation import Machine, MeasuringText
from converters.quality.measuring_client import calibration_text
from converters.system.errors import BuildError
from tests.support.tiny_models import make_tied_model


def test_of_a_shallow_model_all_layers_are_measured() -> None:
    assert measured_layers(12) == set(range(-1, 12))


def test_of_a_deep_model_first_last_and_every_fifth_layer() -> None:
    measured = measured_layers(28)
    assert {-1, 0, 1, 26, 27} <= measured <= set(range(-1, 28))
    inner = sorted(measured)
    assert max(after - before for before, after in pairwise(inner)) <= 5
    assert len(measured) < 12


def test_a_type_that_is_bad_where_inputs_are_huge_makes_a_tensor_be_measured() -> None:
    errors = {"Q4_K": 1.0, "Q3_K": 4.3, "Q8_0": 0.01}
    assert meets_huge_inputs(errors, {"Q4_K": 2.0, "Q3_K": 7000.0, "Q8_0": 24.0}, "Q4_K")
    assert not meets_huge_inputs(errors, {"Q4_K": 2.0, "Q3_K": 9.0, "Q8_0": 0.01}, "Q4_K")
    assert not meets_huge_inputs({"Q4_K": 0.0}, {"Q4_K": 0.0}, "Q4_K")


@pytest.mark.parametrize("layers", [1, 2, 4, 12, 28, 80])
def test_roundings_are_measured_from_the_first_a_middle_and_the_last_layer_on(layers: int) -> None:
    found = rounding_layers(layers)
    assert set(found) <= measured_layers(layers)
    assert (found[0], found[-1]) == (0, layers - 1)
    assert len(found) == min(layers, 3)


def test_what_roundings_do_is_no_cost_of_a_tensor() -> None:
    assert beyond(0.00015, 0.00047) == pytest.approx(0.00032)
    assert beyond(0.0, 0.00047) == 0.00047


def test_a_tensor_that_hardly_does_more_than_roundings_still_costs_something() -> None:
    assert beyond(0.00015, 0.00014) == pytest.approx(0.000014)
    assert beyond(0.00015, -0.00001) == 0


def test_an_embedding_is_measured_in_each_type_where_it_is_the_output_too() -> None:
    assert acts_twice("token_embd.weight", {"token_embd.weight", "blk.0.attn_k.weight"})
    assert not acts_twice("token_embd.weight", {"token_embd.weight", "output.weight"})
    assert not acts_twice("blk.0.attn_k.weight", {"token_embd.weight", "blk.0.attn_k.weight"})


def test_pieces_are_from_all_over_the_text() -> None:
    tokens = list(range(9 * PIECE_TOKENS))
    first, middle, last = spread(tokens, 3)
    assert {len(piece) for piece in (first, middle, last)} == {PIECE_TOKENS}
    assert (first[0], middle[0], last[0]) == (PIECE_TOKENS, 4 * PIECE_TOKENS, 7 * PIECE_TOKENS)
    assert spread(tokens, 1) == [middle]


def test_a_text_that_is_too_short_for_its_pieces_is_refused() -> None:
    with pytest.raises(BuildError, match="The text is too short"):
        spread(range(PIECE_TOKENS - 1), 1)


def test_types_are_compared_by_all_text_at_the_level_of_one_piece() -> None:
    found = levelled({"Q4_0": 0.2, "Q4_1": 0.1}, {"Q4_0": 0.01, "Q4_1": 0.02})
    assert found == {"Q4_0": pytest.approx(0.02), "Q4_1": pytest.approx(0.01)}
    assert levelled({"Q4_0": 0.0}, {"Q4_0": 0.0}) == {"Q4_0": 0.0}


MACHINE = Machine(2, lambda: 0, lambda: "")


@pytest.fixture(scope="module")
def ggml() -> CDLL:
    library = Backend(NativeLog()).ggml
    assert isinstance(library, CDLL)
    return library


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The BF16 file of a model whose embedding is its output."""
    folder = tmp_path_factory.mktemp("tied")
    request = BuildRequest(make_tied_model(folder), ["BF16"], folder, "tied")
    return build(request, child_command("build")).outputs[0].path


def test_the_types_of_an_embedding_that_is_the_output_are_compared_by_three_pieces(
    tied: Path, ggml: CDLL, tmp_path: Path
) -> None:
    """They are at the level of the middle one."""
    text = calibration_text().read_bytes()[:20_000]
    importance = Importance("", "", 0, {})
    inputs = Inputs(tied, MeasuringText(text, "a text"), importance)
    costs = measure_costs(inputs, MACHINE, ggml, lambda _: None, CostsFile(tmp_path / "tensors.costs", "it"))
    [tensor] = [each for each in inspect(tied).tensors if each.name == EMBEDDING]
    weights = StoredWeights(tied, tensor, importance, {})
    comparer = Comparer(2)
    with (
        ChangeableModel(tied, MACHINE, ggml, FIRST_SCORED, 1) as model,
        ThreadPoolExecutor(2) as pool,
    ):
        tokens = model.evaluation.tokenise(text)
        first, _, last = spread(tokens, 3)
        pieces = [*spread(tokens, 1), first, last]
        bases = [comparer.compress(model.run([piece])[0][:-1]) for piece in pieces]

        def divergences(kind: str) -> list[float]:
            model.replace(EMBEDDING, weights.in_type(TYPE_NAMED[kind], pool))
            found = []
            for piece, base in zip(pieces, bases, strict=True):
                scores = Scores()
                comparer.compare(model.run([piece])[0][:-1], base, piece[FIRST_SCORED + 1 :], scores)
                found.append(float(np.concatenate(scores.kld).mean()))
            return found

        own = costs.tensors[EMBEDDING].divergences
        read = {kind: divergences(kind) for kind in own}
    rounding = costs.rounding_from(-1)
    assert sum(own.values()) == pytest.approx(sum(beyond(rounding, found[0]) for found in read.values()))
    for one, other in pairwise(own):
        of_all = [beyond(rounding, sum(read[kind]) / 3) for kind in (one, other)]
        assert own[one] / own[other] == pytest.approx(of_all[0] / of_all[1])
