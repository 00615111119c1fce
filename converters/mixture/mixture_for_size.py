"""From what each tensor costs to the mixture of a file of so many bytes."""

from collections.abc import Sequence
from functools import cached_property
from math import ceil, prod
from typing import Literal

import msgspec

from converters.gguf.gguf_layout import aligned
from converters.gguf.gguf_types import TYPE_NAMED
from converters.mixture.knapsack import Chooser, Option
from converters.mixture.tensor_costs import TensorCost, TensorCosts, total
from converters.system.errors import BuildError
from models.quantisation.chosen_mixture import (
    CacheChoice,
    CacheLoss,
    ChosenMixture,
    PlainType,
    SizeLoss,
    TensorChoice,
)
from models.quantisation.quantisation_mixture import MixtureModel, mixture
from models.quantisation.quantisation_types import QUANTISATIONS
from models.quantisation.size_range import BITS_TOLERANCE, LEAST_TENTHS, MOST_BITS, MOST_TENTHS
from models.system.units import byte_count

_OTHER_METADATA_BYTES = 640
"""For all that the metadata says beside the original's and the choice itself: the importance matrix, two of
whose texts are cut to 127 bytes, the version, the keys, and what aligns the first tensor."""
_LONGEST_NUMBER = 1.2345678901234567e-100
_LONGEST_REASON = 256


class MixtureChooser:
    """Chooses mixtures of the model that was measured in `costs`; the table is made once for all sizes."""

    def __init__(self, costs: TensorCosts) -> None:
        self._costs = costs
        self._names = list(costs.tensors)
        self._weights = sum(cost.weights for cost in costs.tensors.values())
        self._chooser = Chooser([_options(costs.tensors[name]) for name in self._names])
        self.plain = tuple(sorted(self._plain_types(), key=lambda plain: plain.bytes))
        self._frame_bytes = costs.frame_bytes + self._metadata_bytes()
        self.least_bytes = self._chooser.least_bytes + self._frame_bytes
        self.most_bytes = self._chooser.most_bytes + self._frame_bytes
        self.least_bits = 8 * self._chooser.least_bytes / self._weights

    @cached_property
    def sizes(self) -> tuple[SizeLoss, ...]:
        """The mixtures of the slider's sizes, from 3.0 bits a weight or the smallest file on."""
        found: dict[int, float] = {}
        for tenths in range(LEAST_TENTHS, MOST_TENTHS + 1):
            budget = max(self._weights * tenths // 80, self._chooser.least_bytes)
            options = self._chooser.choose(budget)
            size = sum(option.bytes for option in options) + self._frame_bytes
            found[size] = sum(option.cost for option in options)
        return tuple(SizeLoss(bytes=size, divergence=cost) for size, cost in sorted(found.items()))

    def choose(self, budget_bytes: int) -> ChosenMixture:
        """Return the mixture of the least expected divergence whose file takes at most `budget_bytes`.

        Raises `BuildError` where even the smallest types take more.
        """
        if budget_bytes < self.least_bytes:
            raise BuildError(
                "This model cannot be made as small as {asked}: the smallest file takes {least}.",
                "Ask for a larger size, or choose a smaller model.",
                asked=byte_count(budget_bytes),
                least=byte_count(self.least_bytes),
            )
        return self._mixture(self._chooser.choose(budget_bytes - self._frame_bytes), budget_bytes)

    def choose_bits(self, bits: float) -> ChosenMixture:
        """Return the mixture of the least expected divergence that has at most so many bits a weight; only
        where that has fewer by over 0.3% and the next better one has at most 0.3% more, it is that one.

        Raises `BuildError` where even the smallest types take over 0.3% more.
        """
        asked_bytes = int(self._weights * bits / 8)
        if self._chooser.least_bytes > asked_bytes * (1 + BITS_TOLERANCE):
            raise BuildError(
                "This model cannot be made with {asked} bits a weight: the smallest file has {least}.",
                "Ask for more bits, or choose a smaller model.",
                asked=f"{bits:.2f}",
                least=f"{ceil(100 * self.least_bits) / 100:.2f}",
            )
        options = self._chooser.choose_near(asked_bytes, BITS_TOLERANCE)
        return self._mixture(options, asked_bytes + self._frame_bytes, bits)

    def _mixture(self, options: Sequence[Option], asked_bytes: int, asked_bits: float = 0.0) -> ChosenMixture:
        choices = tuple(
            TensorChoice(tensor=name, type=option.type, bytes=option.bytes, divergence=option.cost)
            for name, option in zip(self._names, options, strict=True)
        )
        quantised = sum(choice.bytes for choice in choices)
        divergence = sum(choice.divergence for choice in choices)
        return ChosenMixture(
            asked_bytes=asked_bytes,
            asked_bits=asked_bits,
            bytes=quantised + self._frame_bytes,
            bits_per_weight=round(8 * quantised / self._weights, 4),
            divergence=divergence,
            reason=self._reason(quantised + self._frame_bytes, divergence),
            text=self._costs.text,
            plain=self.plain,
            sizes=self.sizes,
            tensors=choices,
        )

    def choose_with_cache(self, budget_bytes: int, small_cache_bytes: int) -> ChosenMixture:
        """Return the better of two mixtures that take one memory together with their KV caches: of at most
        `budget_bytes` with a cache in f16 (0 where none fits), or of `small_cache_bytes` with one in q8_0.

        That cache's own cost counts with the upper end of its interval. Raises as `choose`.
        """
        loss = next(iter(self._costs.caches or ()), None)
        if loss is None or small_cache_bytes <= budget_bytes:
            return self.choose(budget_bytes)
        large = self.choose(small_cache_bytes)
        if budget_bytes < self.least_bytes:
            return _with_cache(large, "q8_0", None, loss)
        plain = self.choose(budget_bytes)
        if large.divergence + loss.most < plain.divergence:
            return _with_cache(large, "q8_0", plain, loss)
        return _with_cache(plain, "f16", large, loss)

    def _metadata_bytes(self) -> int:
        """Compute the bytes that a mixture's metadata adds at most: those of one whose numbers are as long as
        they can be."""
        number = _LONGEST_NUMBER
        loss = CacheLoss(
            kv_type="q8_0", divergence=number, error=number, window_tokens=10**6, scored_tokens=10**6
        )
        longest = ChosenMixture(
            asked_bytes=10**13,
            asked_bits=MOST_BITS - 0.01,
            bytes=10**13,
            bits_per_weight=number,
            divergence=number,
            reason=" " * _LONGEST_REASON,
            text=self._costs.text,
            plain=self.plain,
            cache=CacheChoice(kv_type="q8_0", other_bytes=10**13, other_divergence=number, loss=loss),
        )
        return len(longest.stated.encode()) + _OTHER_METADATA_BYTES

    def _reason(self, size: int, divergence: float) -> str:
        """Compare the choice with llama.cpp's own mixture of the nearest size."""
        nearest = min(self.plain, key=lambda plain: (abs(plain.bytes - size), plain.type))
        return (
            f"The least divergence that {len(self._names)} tensors can have in {byte_count(size)}: "
            f"{divergence:.4f} nats a token are expected, {nearest.divergence:.4f} of {nearest.type} with "
            f"{byte_count(nearest.bytes)}."
        )

    def _plain_types(self) -> list[PlainType]:
        costs = self._costs
        shapes = {name: cost.shape for name, cost in costs.tensors.items()}
        model = MixtureModel(costs.architecture, costs.layers, costs.heads, costs.kv_heads)
        plain = []
        for kind in QUANTISATIONS:
            types = mixture(kind, shapes, model, has_imatrix=True)
            size = sum(tensor_bytes(shapes[name], types[name]) for name in types)
            divergence = total(costs.tensors, types)
            plain.append(PlainType(type=kind, bytes=size + costs.frame_bytes, divergence=divergence))
        return plain


def _with_cache(
    chosen: ChosenMixture, kv_type: Literal["f16", "q8_0"], other: ChosenMixture | None, loss: CacheLoss
) -> ChosenMixture:
    choice = CacheChoice(
        kv_type=kv_type,
        other_bytes=other.bytes if other is not None else 0,
        other_divergence=other.divergence if other is not None else 0.0,
        loss=loss,
    )
    return msgspec.structs.replace(chosen, cache=choice)


def tensor_bytes(shape: tuple[int, ...], kind: str) -> int:
    """Compute the bytes that a tensor takes in a file, with what aligns the next."""
    form = TYPE_NAMED[kind]
    return aligned(prod(shape) // form.block * form.block_bytes)


def _options(cost: TensorCost) -> list[Option]:
    return [Option(kind, tensor_bytes(cost.shape, kind), cost.cost(kind)) for kind in cost.errors]
