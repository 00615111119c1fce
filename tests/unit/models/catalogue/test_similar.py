import pytest

from models.catalogue.catalogue import CatalogueModel, catalogue
from models.catalogue.similar import parameters_of, similar_model, similar_weights, size_of

THINKING = [model for model in catalogue() if model.thinks]


@pytest.mark.parametrize("model", THINKING, ids=lambda model: model.key)
@pytest.mark.parametrize("kind", ["Q4_K_M", "Q8_0"])
def test_sizes_and_numbers_of_weights_are_near_the_catalogues(model: CatalogueModel, kind: str) -> None:
    size, parameters = model.sizes_bytes[kind], model.shape.parameters
    assert size_of(parameters, kind) == pytest.approx(size, rel=0.06)
    assert parameters_of(size, kind) == pytest.approx(parameters, rel=0.13)
    assert similar_weights(model, size).total == pytest.approx(size, rel=0.001)


def test_a_size_between_two_takes_the_nearer_one() -> None:
    assert similar_model(13_000_000_000).shape.layers == 48
    assert similar_model(1) == similar_model(135_000_000)


def test_the_weights_of_an_unknown_type_are_counted_as_of_the_usual_one() -> None:
    assert parameters_of(6_000_000_000, "") == 10_000_000_000
