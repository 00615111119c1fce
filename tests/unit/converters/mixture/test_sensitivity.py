"""The tensors that are measured: all of a shallow model, of a deep one those of enough layers to tell the
others, and in each of its types one that meets huge inputs."""

from itertools import pairwise

from converters.mixture.sensitivity import measured_layers, meets_huge_inputs


def test_of_a_shallow_model_all_layers_are_measured() -> None:
    assert measured_layers(12) == set(range(-1, 12))


def test_of_a_deep_model_first_last_and_every_fourth_layer() -> None:
    measured = measured_layers(28)
    assert {-1, 0, 1, 26, 27} <= measured <= set(range(-1, 28))
    inner = sorted(measured)
    assert max(after - before for before, after in pairwise(inner)) <= 4
    assert len(measured) < 12


def test_a_type_that_is_bad_where_inputs_are_huge_makes_a_tensor_be_measured() -> None:
    errors = {"Q4_K": 1.0, "Q3_K": 4.3, "Q8_0": 0.01}
    assert meets_huge_inputs(errors, {"Q4_K": 2.0, "Q3_K": 7000.0, "Q8_0": 24.0}, "Q4_K")
    assert not meets_huge_inputs(errors, {"Q4_K": 2.0, "Q3_K": 9.0, "Q8_0": 0.01}, "Q4_K")
    assert not meets_huge_inputs({"Q4_K": 0.0}, {"Q4_K": 0.0}, "Q4_K")
