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
from models.quantisation.chosen_mixture import CacheLoss, ChosenMixture, expected_divergence, label_bytes
from models.quantisation.file_size import tensor_types
from models.quantisation.model_shape import ModelShape
from models.quantisation.quantisation_types import QUANTISATIONS
from models.store.manifest import type_in_name

STEPS = 30


TRAINED = ModelShape(
    layers=4,
    hidden=256,
    ffn=768,
    heads=4,
    kv_heads=2,
    head_size=64,
    vocabulary=4096,
    attention_bias=True,
)
"""That of the small model which tests/perf/loss_models trains."""


def made_up_costs(shape: ModelShape, seed: int = 1, frame_bytes: int = 6_000_000) -> TensorCosts:
    """Costs of a model's shape as they could be: a fourth for each bit more, more in some layers than in
    others. Stands in for a measured model of that size."""
    rng = random.Random(seed)
    tensors = {}
    for name, (sides, _) in tensor_types(shape, "BF16").items():
        if len(sides) < 2:
            continue
        errors = {
            kind.name: 4.0 ** -(8 * kind.block_bytes / kind.block) * rng.uniform(0.8, 1.25)
            for kind in candidates(sides[-1])
        }
        tensors[name] = TensorCost(
            shape=sides,
            errors=errors,
            measured_with=measured_with(sides[-1]).name,
            divergence=rng.lognormvariate(-6, 1),
        )
    return TensorCosts(
        belongs_to="",
        text="a text",
        frame_bytes=frame_bytes,
        architecture="qwen2",
        layers=shape.layers,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
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
    model = find("r1-qwen-1.5b")
    assert model is not None
    return made_up_costs(model.shape)


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


def small_chooser(seed: int) -> MixtureChooser:
    return MixtureChooser(made_up_costs(TRAINED, seed, frame_bytes=170_000))


@pytest.fixture(scope="module")
def small() -> MixtureChooser:
    """One whose next better file takes 0.57% more in places above 8.2 bits."""
    return small_chooser(11)


def test_thirty_wishes_for_bits_are_met_within_a_third_of_a_percent(small: MixtureChooser) -> None:
    least_so_far = float("inf")
    for step in range(STEPS):
        bits = 3.0 + 5.5 * step / (STEPS - 1)
        mixture = small.choose_bits(bits)
        assert mixture.bits_per_weight == pytest.approx(bits, rel=0.003)
        assert mixture.bytes == pytest.approx(mixture.asked_bytes, rel=0.003)
        assert mixture.divergence <= least_so_far
        least_so_far = mixture.divergence


def test_bits_are_exceeded_only_where_less_is_further_off_and_bytes_never(small: MixtureChooser) -> None:
    least_so_far, larger = float("inf"), 0
    for hundredths in range(300, 851):
        asked = hundredths / 100
        mixture = small.choose_bits(asked)
        within = small.choose(mixture.asked_bytes)
        assert within.bytes <= within.asked_bytes
        assert mixture.asked_bits == asked
        assert mixture.divergence <= least_so_far
        least_so_far = mixture.divergence
        if mixture.bytes > mixture.asked_bytes:
            assert within.bits_per_weight < 0.997 * asked
            assert mixture.bits_per_weight <= 1.003 * asked
            larger += 1
        else:
            assert mixture.tensors == within.tensors
    assert larger


def test_over_a_gap_of_half_a_percent_the_file_is_the_one_at_its_nearer_end(small: MixtureChooser) -> None:
    below = small.choose_bits(8.37)
    above = small.choose_bits(8.41)
    gap = above.bytes / below.bytes - 1
    assert 0.0055 < gap < 0.0059
    low, high = below.bits_per_weight, above.bits_per_weight
    assert small.choose_bits(low + 0.5 * (high - low)).tensors == below.tensors
    assert small.choose_bits(low + 0.6 * (high - low)).tensors == above.tensors
    # No file of the chain lies between them.
    assert small.choose(above.bytes - 1).bytes == below.bytes


def test_over_a_larger_gap_the_file_is_the_smaller_one() -> None:
    chooser = small_chooser(5)
    below, above = chooser.choose_bits(8.2), chooser.choose_bits(8.49)
    assert above.bits_per_weight > 1.04 * below.bits_per_weight
    assert chooser.choose_bits(8.4).tensors == below.tensors


def test_the_least_bits_that_are_told_can_be_asked_for() -> None:
    """Rows that 256 does not divide take no type below four and a half bits."""
    shape = msgspec.structs.replace(TRAINED, hidden=288, head_size=72)
    chooser = MixtureChooser(made_up_costs(shape))
    with pytest.raises(BuildError, match=r"cannot be made with 3\.00 bits a weight") as refused:
        chooser.choose_bits(3.0)
    least = refused.value.values["least"]
    assert str(refused.value).endswith(f"the smallest file has {least}.")
    smallest = chooser.choose(chooser.least_bytes)
    told = chooser.choose_bits(float(str(least)))
    assert 0 <= told.bits_per_weight - smallest.bits_per_weight < 0.01
    # The smallest file is a file of the chain like the others.
    assert chooser.choose_bits(smallest.bits_per_weight / 1.0029).tensors == smallest.tensors
    with pytest.raises(BuildError, match="cannot be made with"):
        chooser.choose_bits(smallest.bits_per_weight / 1.0031)


def test_a_mixture_of_so_many_bits_is_named_by_them(small: MixtureChooser) -> None:
    assert small.choose_bits(4.5).label == "MIX_4.50BPW"
    assert type_in_name("small-MIX_4.50BPW.gguf") == "MIX_4.50BPW"
    assert 0 < label_bytes("MIX_4.50BPW", 16_000_000) - 4_500_000 < 500_000


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
