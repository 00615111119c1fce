"""Rotary position embeddings: what config.json says about them, and Llama 3.1's factors.

Llama 3.1's scaling: transformers' `_compute_llama3_parameters` (modeling_rope_utils.py); llama.cpp takes it
as a tensor of factors, one for each pair of a head's elements. In config.json of transformers 4 the
settings are `rope_theta` and `rope_scaling`, of transformers 5 both are in `rope_parameters`.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

from converters.checkpoint.checkpoint import Json
from converters.system.errors import CheckpointError

if TYPE_CHECKING:
    # The window reads what families there are, and has no numbers to make.
    import gguf
    import numpy as np
    import numpy.typing as npt

_TRANSFORMERS_THETA = 10000.0


@dataclass(frozen=True, slots=True)
class Rope:
    """`scaling` is "default" (none), "linear", "yarn" or "llama3"; `numbers` holds the parameters that it
    has.
    """

    theta: float
    scaling: str = "default"
    numbers: dict[str, float] = field(default_factory=dict)

    def write_to(self, metadata: "gguf.GGUFWriter") -> None:
        """Put it into `metadata`, in the order of llama.cpp's converter; Llama 3.1's factors are a tensor."""
        from gguf import RopeScalingType

        if self.scaling in ("linear", "yarn"):
            metadata.add_rope_scaling_type(RopeScalingType(self.scaling))
            metadata.add_rope_scaling_factor(self.numbers["factor"])
        if self.scaling == "yarn":
            metadata.add_rope_scaling_orig_ctx_len(int(self.numbers["original_max_position_embeddings"]))
            for add, names in (
                (metadata.add_rope_scaling_yarn_ext_factor, ("extrapolation_factor",)),
                (metadata.add_rope_scaling_yarn_attn_factor, ("attention_factor", "attn_factor")),
                (metadata.add_rope_scaling_yarn_beta_fast, ("beta_fast",)),
                (metadata.add_rope_scaling_yarn_beta_slow, ("beta_slow",)),
            ):
                stated = [self.numbers[name] for name in names if name in self.numbers]
                if stated:
                    add(stated[0])
        metadata.add_rope_freq_base(self.theta)


_NEEDED = {
    "default": (),
    "linear": ("factor",),
    "yarn": ("factor", "original_max_position_embeddings"),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
}


def read_rope(config: Json, family: str) -> Rope:
    """Read the rotary settings of config.json. Raises `CheckpointError` for a scaling that is not
    supported."""
    given = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(given, dict):
        raise _unsupported(given)
    scaling = given.get("rope_type", given.get("type", "default"))
    if not isinstance(scaling, str) or scaling not in _NEEDED or (scaling == "llama3" and family != "llama"):
        raise _unsupported(scaling)
    numbers = {key: float(value) for key, value in given.items() if _is_usable(value)}
    fallback = config.get("original_max_position_embeddings")
    if _is_usable(fallback):
        numbers.setdefault("original_max_position_embeddings", float(fallback))
    theta = numbers.pop("rope_theta", config.get("rope_theta", _TRANSFORMERS_THETA))
    if not _is_usable(theta) or theta <= 0:
        raise _useless(scaling, "rope_theta")
    for key in _NEEDED[scaling]:
        if not numbers.get(key, 0) > 0:
            raise _useless(scaling, key)
    if not numbers.get("original_max_position_embeddings", 1) < 1 << 31:
        raise _useless(scaling, "original_max_position_embeddings")
    if scaling == "llama3" and not numbers["low_freq_factor"] < numbers["high_freq_factor"]:
        raise _useless(scaling, "low_freq_factor")
    return Rope(float(theta), scaling, numbers)


def _is_usable(value: object) -> TypeGuard[int | float]:
    """Tell whether it is a number that 32 bits of floating point hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 3e38


def llama3_factors(rope: Rope, head_dim: int) -> "npt.NDArray[np.float32]":
    """Compute Llama 3.1's divisors of the rotary frequencies, shape (head_dim / 2,), in float32 as torch."""
    import numpy as np

    one, two_pi = np.float32(1), np.float32(2 * math.pi)
    factor = np.float32(rope.numbers["factor"])
    low, high = rope.numbers["low_freq_factor"], rope.numbers["high_freq_factor"]
    context = rope.numbers["original_max_position_embeddings"]
    exponents = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
    # A power rounded once from 64 bits is what torch's vectorised 32-bit power gives; numpy's own is not.
    powers = np.power(np.float64(rope.theta), exponents.astype(np.float64)).astype(np.float32)
    wavelengths = two_pi / (one / powers)
    smooth = (np.float32(context) / wavelengths - np.float32(low)) / np.float32(high - low)
    between = one / ((one - smooth) / factor + smooth)
    factors = np.where(wavelengths > np.float32(context / low), factor, between)
    return np.where(wavelengths < np.float32(context / high), one, factors).astype(np.float32)


def _unsupported(what: object) -> CheckpointError:
    return CheckpointError(
        "The position scaling {scaling} in config.json is not supported.",
        "Look for a ready-made GGUF file of this model.",
        scaling=str(what)[:80],
    )


def _useless(scaling: str, key: str) -> CheckpointError:
    return CheckpointError(
        "The position scaling {scaling} in config.json has no {key} that can be used.",
        "Look for a ready-made GGUF file of this model.",
        scaling=scaling,
        key=key,
    )
