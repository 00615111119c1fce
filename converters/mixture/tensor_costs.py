"""The cost of quantising each tensor, as it is measured, and the file that keeps it beside the model."""

import logging
import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from pathlib import Path

import msgspec

from models.quantisation.chosen_mixture import CacheLoss
from models.system.json_file import read_json, write_json

log = logging.getLogger(__name__)

VERSION = 4

_LAYER = re.compile(r"blk\.(\d+)\.(.+)")


class TensorCost(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor: its row-major shape and what each type that it allows does to it.

    `errors` are by type the mean squares of what quantising changes, each weighed by its column's share in
    the inputs. `divergence` is the mean divergence of the whole model, in nats a token, with this tensor
    alone in the type `measured_with`: measured, or from the layers before and behind (`estimated`).
    `divergences` are those of other types, where they are measured as well.
    """

    shape: tuple[int, ...]
    errors: dict[str, float]
    measured_with: str
    divergence: float = 0.0
    divergences: dict[str, float] = {}
    estimated: bool = False

    @property
    def weights(self) -> int:
        """The number of weights."""
        return prod(self.shape)

    def cost(self, kind: str) -> float:
        """Return the divergence to expect of this tensor in the type `kind`, in nats a token."""
        if kind in self.divergences:
            return self.divergences[kind]
        measured = self.errors[self.measured_with]
        return self.divergence * self.errors[kind] / measured if measured > 0 else 0.0


class TensorCosts(msgspec.Struct, kw_only=True):
    """The file. `belongs_to` names weights, text and matrix; `frame_bytes` are those of a file beside its
    quantised tensors, and the facts of the model are those that llama.cpp's own mixtures depend on. `tensors`
    holds what is measured so far, in the order of the file; `whole` once that is all. `rounding` is by layers
    the divergence of a reading in which from there on only roundings differ. `caches` are the KV caches of
    fewer bits that the model can have, None before they are measured."""

    belongs_to: str
    text: str
    frame_bytes: int
    architecture: str
    layers: int
    heads: int
    kv_heads: int
    version: int = VERSION
    whole: bool = False
    rounding: dict[int, float] = {}
    tensors: dict[str, TensorCost] = {}
    caches: tuple[CacheLoss, ...] | None = None

    def rounding_from(self, layer: int) -> float:
        """Return the divergence of a reading whose roundings differ from this layer on."""
        return _between(sorted(self.rounding.items()), layer) if self.rounding else 0.0


class CostsFile:
    """The file at `path` for the costs that `belongs_to` describes; one thread."""

    def __init__(self, path: Path, belongs_to: str) -> None:
        self._path = path
        self.belongs_to = belongs_to

    def read(self) -> TensorCosts | None:
        """Return what is there of these costs; None where nothing is."""
        without = "What the types cost is measured again when a build needs it."
        found = read_json(self._path, TensorCosts, without=without)
        if found is None or (found.belongs_to, found.version) != (self.belongs_to, VERSION):
            return None
        return found

    def keep(self, costs: TensorCosts) -> None:
        """Write it; where that fails a stop loses what was measured, and nothing else."""
        try:
            write_json(self._path, costs)
        except OSError as error:
            log.warning("%s cannot be written, so a stop would lose what is measured: %s", self._path, error)


def with_estimates(tensors: Mapping[str, TensorCost]) -> dict[str, TensorCost]:
    """Return the tensors with the divergence filled in where it is to be estimated.

    What an error of a kind of tensor does changes smoothly from layer to layer; between two layers that were
    measured its logarithm is taken to change in proportion to the distance.
    """
    known: dict[str, list[tuple[int, float]]] = {}
    for name, cost in tensors.items():
        error = cost.errors[cost.measured_with]
        if not cost.estimated and cost.divergence > 0 and error > 0:
            kind, layer = kind_and_layer(name)
            known.setdefault(kind, []).append((layer, math.log(cost.divergence / error)))
    filled = {}
    for name, cost in tensors.items():
        if cost.estimated:
            kind, layer = kind_and_layer(name)
            points = sorted(known.get(kind, ()))
            error = cost.errors[cost.measured_with]
            divergence = error * math.exp(_between(points, layer)) if points else 0.0
            cost = msgspec.structs.replace(cost, divergence=divergence)
        filled[name] = cost
    return filled


def kind_and_layer(name: str) -> tuple[str, int]:
    """Split `blk.7.ffn_up.weight` into `ffn_up.weight` and 7; a tensor outside the layers has -1."""
    match = _LAYER.match(name)
    return (match[2], int(match[1])) if match else (name, -1)


def _between(points: Sequence[tuple[int, float]], place: int) -> float:
    """Interpolate linearly; before the first point and behind the last one the nearest holds."""
    for (low, low_value), (high, high_value) in pairwise(points):
        if low <= place <= high:
            return low_value + (high_value - low_value) * (place - low) / (high - low)
    return points[0][1] if place < points[0][0] else points[-1][1]


def total(costs: Mapping[str, TensorCost], types: Mapping[str, str]) -> float:
    """Sum the divergence to expect of a mixture, in nats a token."""
    return sum(costs[name].cost(kind) for name, kind in types.items())
