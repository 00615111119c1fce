"""The longest context that a model's positions allow: its own limit, and beyond it by YaRN. Pure.

YaRN: https://arxiv.org/abs/2309.00071; the keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_STRETCH = 8.0
_MOST_FACTOR = 1e6
"""More is no scaling of any model's."""


@dataclass(frozen=True, slots=True)
class Yarn:
    """llama.cpp's parameters: positions of `original_tokens` are spread over `factor` times as many."""

    original_tokens: int
    factor: float


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """A GGUF file's metadata about positions. `trained_tokens` is its context_length; `factor` 0 is none."""

    trained_tokens: int
    kind: str = ""
    factor: float = 0.0
    original_tokens: int = 0
    is_plain_rope: bool = True

    @property
    def limit_tokens(self) -> int:
        """The longest context without more than the file itself says; 0 where it is unknown.

        Of files with YaRN some have the context before the scaling as context_length, others that after it.
        """
        if self.kind == "yarn" and self.factor > 1:
            return max(self.trained_tokens, int(self.original * self.factor))
        return self.trained_tokens

    @property
    def original(self) -> int:
        """Positions that the weights were trained on before any scaling."""
        return self.original_tokens or self.trained_tokens

    @property
    def can_stretch(self) -> bool:
        """Tell whether YaRN can take it beyond its limit: plain rotary positions, not scaled in another
        way."""
        unscaled = self.kind in ("", "none", "yarn") or self.factor in (0.0, 1.0)
        return self.is_plain_rope and self.trained_tokens > 0 and unscaled

    def yarn_for(self, context_tokens: int) -> Yarn | None:
        """Return the YaRN parameters for a context of this length; None where the file's own will do."""
        if not self.can_stretch or context_tokens <= self.limit_tokens:
            return None
        return Yarn(self.original, context_tokens / self.original)


def rope_scaling(values: Mapping[str, int | float | str]) -> RopeScaling:
    """Read the scaling from the architecture's own metadata, keys without its prefix."""
    has_rope = "rope.freq_base" in values or "rope.dimension_count" in values
    factor = values.get("rope.scaling.factor", values.get("rope.scale_linear", 0.0))
    kind = values.get("rope.scaling.type", "")
    return RopeScaling(
        trained_tokens=_number(values.get("context_length", 0)),
        kind=kind if isinstance(kind, str) else "",
        factor=float(factor) if isinstance(factor, int | float) and 0 <= factor <= _MOST_FACTOR else 0.0,
        original_tokens=_number(values.get("rope.scaling.original_context_length", 0)),
        # Positions in several dimensions (M-RoPE) are laid out otherwise.
        is_plain_rope=has_rope and "rope.dimension_sections" not in values,
    )


def _number(value: float | str) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 1 << 31 else 0
