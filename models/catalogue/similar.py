"""Estimate what a model takes whose dimensions are not known: as the catalogue's one of about its size."""

import math
from dataclasses import replace

from models.catalogue.catalogue import CatalogueModel, catalogue
from models.quantisation.file_size import weight_share, weights_of
from models.quantisation.quantisation_mixture import BASE_TYPE
from models.quantisation.quantisation_types import BYTES_PER_WEIGHT, EVERYDAY_TYPE
from models.quantisation.weights import Weights

_USUAL_BYTES_PER_WEIGHT = 0.6
"""Of a type that is not known: about what Q4_K_M takes."""


def similar_model(parameters: int) -> CatalogueModel:
    """Return the catalogue's model that is nearest in its number of weights."""
    wanted = math.log(max(1, parameters))
    return min(catalogue(), key=lambda model: abs(math.log(model.shape.parameters) - wanted))


def parameters_of(file_bytes: int, quantisation: str) -> int:
    """Estimate the weights in a file of this size and type."""
    kind = BASE_TYPE.get(quantisation, quantisation)
    return int(file_bytes / BYTES_PER_WEIGHT.get(kind, _USUAL_BYTES_PER_WEIGHT))


def size_of(parameters: int, quantisation: str) -> int:
    """Estimate the bytes of a file with so many weights in this type."""
    return int(2 * parameters * weight_share(quantisation))


def similar_weights(model: CatalogueModel, file_bytes: int) -> Weights:
    """Spread the bytes of a file as those of `model` are spread."""
    weights = weights_of(model.shape, EVERYDAY_TYPE)
    by = file_bytes / weights.total
    return replace(
        weights,
        layers=tuple(int(size * by) for size in weights.layers),
        output=int(weights.output * by),
        embedding=int(weights.embedding * by),
    )
