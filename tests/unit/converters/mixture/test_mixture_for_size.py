"""Mixtures of a whole model: thirty sizes, each within what was asked, none worse than a smaller one."""

import random
from itertools import pairwise

import msgspec
import pytest

from converters.mixture.candidates import candidates, measured_with
from converters.mixture.mixture_for_size import MixtureChooser, tensor_bytes
from converters.mixture.tensor_costs import TensorCost, TensorCosts
from converters.system.errors import BuildError
from models.catalogue.catalogue import find
from models.quantisation.chosen_mixture import CacheLoss, ChosenMixture, expected_divergence
from models.quantisation.file_size import tensor_types
from models.quantisation.quantisation_types import QUANTISATIONS

STEPS = 30


def made_up_costs(key: str, seed: int = 1) -> TensorCosts:
    """Costs of a model's shape as they could be: a fourth for each bit more, more in some layers than in
    others. Stands in for a measured model of that size."""
    model = find(key)
    assert model is not None
    rng = random.Random(seed)
    tensors = {}
    for name, (shape, _) in tensor_types(model.shape, "BF16").items():
        if len(shape) < 2:
            continue
        errors = {
            kind.name: 4.0 ** -(8 * kind.block_bytes / kind.block) * rng.uniform(0.8, 1.25)
            for kind in candidates(shape[-1])
        }
        tensors[name] = TensorCost(
            shape=shape,
            errors=errors,
            measured_with=measured_with(shape[-1]).name,
            divergence=rng.lognormvariate(-6, 1),
        )
    return TensorCosts(
        belongs_to="",
        text="a text",
        frame_bytes=6_000_000,
        architecture="qwen2",
        layers=model.shape.layers,
        heads=model.shape.heads,
        kv_heads=model.shape.kv_heads,
        tensors=tensors,
    )


def least_step(costs: TensorCosts, mixture: ChosenMixture) -> float:
    """The fewest bytes by which a tensor of the mixture could be larger."""
    steps = [
        tensor_bytes(cost.shape, kind) - tensor_bytes(cost.shape, mixture.types[name])
        for name, cost in costs.tensors.items()
        for kind in cost.errors
        if cost.errors[kind] < cost.errors[mixture.types[name]]
    ]
    return min((step for step in steps if step > 0), default=float("inf"))


@pytest.fixture(scope="module")
def costs() -> TensorCosts:
    return made_up_costs("r1-qwen-1.5b")


@pytest.fixture(scope="module")
def chooser(costs: TensorCosts) -> MixtureChooser:
    """The one whose table all tests share."""
    return MixtureChooser(costs)


def test_thirty_sizes_from_three_bits_to_eight_and_a_half(
    costs: TensorCosts, chooser: MixtureChooser
) -> None:
    weights = sum(cost.weights for cost in costs.tensors.values())
    least_so_far = float("inf")
    for step in range(STEPS):
        bits = 3.0 + 5.5 * step / (STEPS - 1)
        asked = int(weights * bits / 8) + costs.frame_bytes + 8192
        mixture = chooser.choose(asked)
        # Less than was asked for only where no larger type is left but of what is larger than the rest.
        spare = asked - mixture.bytes
        assert 0 <= spare < max(0.003 * asked, least_step(costs, mixture)), bits
        assert mixture.divergence <= least_so_far
        assert mixture.types.keys() == costs.tensors.keys()
        least_so_far = mixture.divergence


def test_it_says_what_other_sizes_are_expected_to_cost(chooser: MixtureChooser) -> None:
    sizes = chooser.choose((chooser.least_bytes + chooser.most_bytes) // 2).sizes
    assert len(sizes) > 50
    assert sizes[0].bytes >= chooser.least_bytes
    for smaller, larger in pairwise(sizes):
        assert (smaller.bytes < larger.bytes, smaller.divergence >= larger.divergence) == (True, True)
    one = chooser.choose(sizes[20].bytes + 4096)
    assert one.divergence == pytest.approx(expected_divergence(sizes, one.bytes), rel=0.02)
    assert expected_divergence(sizes, sizes[0].bytes - 1) is None
    assert expected_divergence((), 1) is None
    assert expected_divergence(sizes, sizes[-1].bytes + 1) == sizes[-1].divergence


def test_it_is_never_worse_than_a_plain_type_of_its_size(chooser: MixtureChooser) -> None:
    assert {plain.type for plain in chooser.plain} == set(QUANTISATIONS)
    for plain in chooser.plain:
        assert chooser.choose(plain.bytes + 8192).divergence <= plain.divergence * (1 + 1e-9)


def test_the_reason_compares_with_the_plain_type_of_the_nearest_size(chooser: MixtureChooser) -> None:
    plain = next(plain for plain in chooser.plain if plain.type == "Q5_K_M")
    mixture = chooser.choose(plain.bytes + 8192)
    assert "Q5_K_M" in mixture.reason
    assert mixture.label == f"MIX_{mixture.asked_bytes // 1_000_000}M"


def with_cache(costs: TensorCosts, divergence: float) -> MixtureChooser:
    loss = CacheLoss(
        kv_type="q8_0", divergence=divergence, error=divergence / 10, window_tokens=512, scored_tokens=255
    )
    return MixtureChooser(msgspec.structs.replace(costs, caches=(loss,)))


def test_a_finer_cache_that_costs_less_than_the_weights_gain_is_chosen(costs: TensorCosts) -> None:
    chooser = with_cache(costs, 1e-5)
    less, more = (int(chooser.least_bytes * times) for times in (1.4, 1.6))
    mixture = chooser.choose_with_cache(less, more)
    assert mixture.asked_bytes == more
    assert mixture.cache is not None
    assert mixture.cache.kv_type == "q8_0"
    other = chooser.choose(less)
    assert (mixture.cache.other_bytes, mixture.cache.other_divergence) == (other.bytes, other.divergence)


def test_a_finer_cache_that_may_cost_more_than_the_weights_gain_is_not(costs: TensorCosts) -> None:
    plain = MixtureChooser(costs)
    less, more = (int(plain.least_bytes * times) for times in (1.4, 1.6))
    gain = plain.choose(less).divergence - plain.choose(more).divergence
    # By itself it costs less than that; its interval reaches above.
    mixture = with_cache(costs, 0.9 * gain).choose_with_cache(less, more)
    assert mixture.asked_bytes == less
    assert mixture.cache is not None
    assert (mixture.cache.kv_type, mixture.cache.other_bytes) == ("f16", plain.choose(more).bytes)


def test_where_only_a_file_for_the_finer_cache_fits_it_is_that(costs: TensorCosts) -> None:
    chooser = with_cache(costs, 1.0)
    mixture = chooser.choose_with_cache(0, int(chooser.least_bytes * 1.2))
    assert mixture.cache is not None
    assert (mixture.cache.kv_type, mixture.cache.other_bytes) == ("q8_0", 0)


def test_a_model_without_such_a_cache_gets_the_file_for_f16(chooser: MixtureChooser) -> None:
    mixture = chooser.choose_with_cache(chooser.least_bytes, 2 * chooser.least_bytes)
    assert (mixture.asked_bytes, mixture.cache) == (chooser.least_bytes, None)


def test_what_cannot_be_that_small_is_refused(chooser: MixtureChooser) -> None:
    with pytest.raises(BuildError, match="cannot be made as small as"):
        chooser.choose(chooser.least_bytes - 1)


def test_rows_that_256_does_not_divide_get_other_types() -> None:
    assert {kind.block for kind in candidates(576)} == {32}
    assert measured_with(576).name == "Q4_0"
    assert measured_with(1536).name == "Q4_K"
