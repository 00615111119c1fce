"""The tensors that are measured: all of a shallow model, of a deep one those of enough layers to tell the
others, and in each of its types one that meets huge inputs or acts in two ways."""

from itertools import pairwise

import pytest

from converters.mixture.sensitivity import (
    acts_twice,
    beyond,
    measured_layers,
    meets_huge_inputs,
    rounding_layers,
)


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
