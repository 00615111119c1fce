"""The types that a tensor of a mixture may get, as llama.cpp has them."""

from converters.gguf.gguf_types import TYPE_NAMED, TensorType

CANDIDATES = (
    "Q2_K",
    "IQ3_XXS",
    "Q3_K",
    "IQ4_XS",
    "Q4_K",
    "Q5_K",
    "Q6_K",
    "Q4_0",
    "IQ4_NL",
    "Q4_1",
    "Q5_0",
    "Q5_1",
    "Q8_0",
)
"""Types that every llama.cpp of the last years reads on every device. Those below 2.6 bits are left out: no
small model stays usable with them."""

_MEASURED_WITH = ("Q4_K", "Q4_0")


def candidates(columns: int) -> tuple[TensorType, ...]:
    """Return the types that rows of so many weights allow, the smallest first."""
    kinds = (TYPE_NAMED[name] for name in CANDIDATES)
    return tuple(sorted((kind for kind in kinds if columns % kind.block == 0), key=_bits))


def measured_with(columns: int) -> TensorType:
    """Return the type whose divergence is measured, by which the errors of all others are scaled: in the
    middle of them, so that none is far from it."""
    allowed = {kind.name for kind in candidates(columns)}
    return TYPE_NAMED[next(name for name in _MEASURED_WITH if name in allowed)]


def _bits(kind: TensorType) -> float:
    return kind.block_bytes / kind.block
