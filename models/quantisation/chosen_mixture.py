"""A mixture that was chosen by measurement: which type each tensor got, and what that is expected to cost."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from models.quantisation.quantisation_loss import CONFIDENCE

MIXTURE_KEY = "stillroom.mixture"
"""The metadata of a GGUF file that holds the choice it was made by, without its table."""

_LABEL = "MIX_"
_MEGABYTE = 1_000_000
_BITS_LABEL = re.compile(rf"{_LABEL}(\d+\.\d\d)BPW")
_BESIDE_WEIGHTS = 1.05
"""The bytes of a file by those of its quantised tensors, at most."""


class TensorChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor in the type that was chosen for it; `divergence` is its part of the expected whole, in nats
    a token, 0 where that is not known."""

    tensor: str
    type: str
    bytes: int
    divergence: float = 0.0


class PlainType(msgspec.Struct, frozen=True, kw_only=True):
    """One of llama.cpp's own mixtures, to compare with: the bytes of its file and what it is expected to
    cost."""

    type: str
    bytes: int
    divergence: float


class SizeLoss(msgspec.Struct, frozen=True, kw_only=True):
    """A mixture of another size: its file would take so many bytes and is expected to cost so much."""

    bytes: int
    divergence: float


class CacheLoss(msgspec.Struct, frozen=True, kw_only=True):
    """A KV cache of another type than f16: the mean divergence that it causes by itself, beside the model in
    full precision with f16, in nats a token, with one standard error, over `scored_tokens` at the end of
    texts of `window_tokens`."""

    kv_type: str
    divergence: float
    error: float
    window_tokens: int
    scored_tokens: int

    @property
    def most(self) -> float:
        """The upper end of the divergence's 95% interval."""
        return self.divergence + CONFIDENCE * self.error


class CacheChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The KV cache that a file was sized for, where one in q8_0 would have left more memory for the weights.

    `other_bytes` is what a file for the other cache would have taken, 0 where none fits, and
    `other_divergence` what its weights would have been expected to cost; `loss` is that of q8_0.
    """

    kv_type: Literal["f16", "q8_0"]
    other_bytes: int
    other_divergence: float
    loss: CacheLoss


class ChosenMixture(msgspec.Struct, frozen=True, kw_only=True):
    """The choice that a file was made by.

    `asked_bytes` is what the file was allowed to take, or what it would take with exactly `asked_bits` a
    weight where these were asked for (else 0); `bytes` is what it was planned to take. `bits_per_weight` are
    those of the quantised tensors. `divergence` is the expected mean Kullback-Leibler divergence from full
    precision in nats a token. `text` says what the costs were measured on, `plain` are llama.cpp's own
    mixtures by the same costs, `sizes` the mixtures of other sizes, the smallest first, `tensors` the table,
    `cache` what was decided between two caches.
    """

    asked_bytes: int
    bytes: int
    bits_per_weight: float
    divergence: float
    reason: str
    text: str
    plain: tuple[PlainType, ...] = ()
    sizes: tuple[SizeLoss, ...] = ()
    tensors: tuple[TensorChoice, ...] = ()
    cache: CacheChoice | None = None
    asked_bits: float = 0.0

    @property
    def label(self) -> str:
        """The name of the mixture where other files have their type's: `MIX_4100M` is one of 4.1 GB,
        `MIX_4.50BPW` one of 4.5 bits a weight."""
        return label_of_bits(self.asked_bits) if self.asked_bits else label_of(self.asked_bytes)

    @property
    def types(self) -> dict[str, str]:
        """The type of each tensor that is quantised, by its name."""
        return {choice.tensor: choice.type for choice in self.tensors}

    @property
    def stated(self) -> str:
        """The text that a file holds under `MIXTURE_KEY`, as JSON: all without the table, which the tensors'
        types are, and without other sizes."""
        return msgspec.json.encode(msgspec.structs.replace(self, tensors=(), sizes=())).decode()


def expected_divergence(sizes: Sequence[SizeLoss], size_bytes: int) -> float | None:
    """Return what a file of this size is expected to cost, in nats a token, by those around it; None below
    the smallest of them."""
    if not sizes or size_bytes < sizes[0].bytes:
        return None
    for smaller, larger in pairwise(sizes):
        if size_bytes < larger.bytes:
            part = (size_bytes - smaller.bytes) / (larger.bytes - smaller.bytes)
            return smaller.divergence + part * (larger.divergence - smaller.divergence)
    return sizes[-1].divergence


def label_of(asked_bytes: int) -> str:
    """Return the label of a mixture for a file of so many bytes."""
    return f"{_LABEL}{asked_bytes // _MEGABYTE}M"


def label_of_bits(bits: float) -> str:
    """Return the label of a mixture of so many bits a weight."""
    return f"{_LABEL}{bits:.2f}BPW"


def label_bytes(label: str, weights_bytes: int) -> int:
    """Return the most bytes that a file takes whose mixture is called so, of a model whose weights take
    `weights_bytes` in bf16."""
    if in_bits := _BITS_LABEL.fullmatch(label):
        return int(weights_bytes * float(in_bits[1]) / 16 * _BESIDE_WEIGHTS)
    return (int(label.removeprefix(_LABEL).removesuffix("M")) + 1) * _MEGABYTE


def is_chosen(kind: str) -> bool:
    """Tell whether a file's type is the label of a chosen mixture."""
    return kind.startswith(_LABEL)
