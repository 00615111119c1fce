"""Sizes between the smallest and the best file, and the loss that is to be expected of each."""

from itertools import pairwise

import pytest

from models.catalogue.catalogue import CatalogueModel, catalogue
from models.quantisation.quantisation_loss import PUBLISHED_LOSS_PERCENT
from models.quantisation.size_range import bits_per_weight, expected_loss_percent, file_sizes

MODELS = [model for model in catalogue() if model.thinks]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.key)
def test_sizes_rise_evenly_from_three_bits_to_the_best_type(model: CatalogueModel) -> None:
    sizes = file_sizes(model.shape)
    steps = {round(more - less) for less, more in pairwise(sizes)}
    assert len(sizes) == 56
    assert max(steps) - min(steps) <= 1
    assert sizes[-1] == model.sizes_bytes["Q8_0"]
    assert sizes[0] < model.sizes_bytes["Q3_K_M"]
    assert bits_per_weight(model.shape, sizes[0]) == pytest.approx(3.0)
    assert bits_per_weight(model.shape, sizes[-1]) == pytest.approx(8.5, abs=0.01)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.key)
def test_the_expected_loss_falls_with_the_size_and_meets_the_published_types(model: CatalogueModel) -> None:
    losses = [expected_loss_percent(model.shape, size) for size in file_sizes(model.shape)]
    known = [loss for loss in losses if loss is not None]
    assert losses[0] is None
    assert losses[len(losses) - len(known) :] == known
    assert known == sorted(known, reverse=True)
    for kind in ("Q3_K_M", "IQ4_XS", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"):
        found = expected_loss_percent(model.shape, model.sizes_bytes[kind])
        assert found == pytest.approx(PUBLISHED_LOSS_PERCENT[kind]), kind


def test_a_type_that_loses_more_than_a_smaller_one_does_not_count() -> None:
    model = MODELS[0]
    found = expected_loss_percent(model.shape, model.sizes_bytes["Q4_0"])
    assert found is not None
    assert found < PUBLISHED_LOSS_PERCENT["Q4_0"]
