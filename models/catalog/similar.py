"""Estimate what a model takes whose dimensions are not known: as the catalogue's one of about its size."""

import math
from dataclasses import replace

from models.catalog.catalog import catalogue
from models.memory.fit import Fit, Memory, fit_weights
from models.memory.memory_request import Demand
from models.quantisation.model_shape import ModelShape
from models.quantisation.quantisation_mixture import BASE_TYPE
from models.quantisation.sizes import BYTES_PER_WEIGHT, weight_share, weights_of
from models.quantisation.weights import Weights

_USUAL_BYTES_PER_WEIGHT = 0.6
"""Of a type that is not known: about what Q4_K_M takes."""


def similar_shape(parameters: int) -> ModelShape:
    """Return the dimensions of the catalogue's model that is nearest in its number of weights."""
    wanted = math.log(max(1, parameters))
    shapes = [model.shape for model in catalogue()]
    return min(shapes, key=lambda shape: abs(math.log(shape.parameters) - wanted))


def parameters_of(file_bytes: int, quantisation: str) -> int:
    """Estimate the weights in a file of this size and type."""
    kind = BASE_TYPE.get(quantisation, quantisation)
    return int(file_bytes / BYTES_PER_WEIGHT.get(kind, _USUAL_BYTES_PER_WEIGHT))


def size_of(parameters: int, quantisation: str) -> int:
    """Estimate the bytes of a file with so many weights in this type."""
    return int(2 * parameters * weight_share(quantisation))


def rough_fit(file_bytes: int, quantisation: str, memory: Memory, demand: Demand, parameters: int = 0) -> Fit:
    """Estimate where a file of this size runs; `parameters` 0 counts its weights by the size."""
    shape = similar_shape(parameters or parameters_of(file_bytes, quantisation))
    weights = _scaled(weights_of(shape, "Q4_K_M"), file_bytes)
    return fit_weights(shape, weights, quantisation, memory, demand)


def _scaled(weights: Weights, total: int) -> Weights:
    by = total / weights.total
    return replace(
        weights,
        layers=tuple(int(size * by) for size in weights.layers),
        output=int(weights.output * by),
        embedding=int(weights.embedding * by),
    )
