"""Sampling: how tokens are drawn, and the default of each of its settings."""

from typing import Literal

import msgspec

GREEDY_TEMPERATURE = 1e-4
"""Of a lower temperature only the likeliest token is left, and logits divided by it leave a float's range."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """The drawing of tokens; the defaults are the DeepSeek-R1 authors' advice (temperature 0.6, top_p 0.95).

    `temperature` 0 is greedy. `top_k` 0, `min_p` 0, `typical_p` 1, `repeat_penalty` 1, the other penalties 0,
    `dry_multiplier` 0, `xtc_probability` 0 and `mirostat` 0 are off. Mirostat (1 or 2) takes the place of
    every sampler that leaves tokens out. `logit_bias` is added to the logits of token ids. `seed` None draws
    a fresh one.
    """

    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    repeat_last_tokens: int = 64
    seed: int | None = None
    typical_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_tokens: int = 2
    dry_last_tokens: int = 1024
    dry_breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    mirostat: Literal[0, 1, 2] = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    logit_bias: dict[int, float] = {}

    @property
    def greedy(self) -> bool:
        """Tell whether the likeliest token is taken."""
        return self.temperature < GREEDY_TEMPERATURE
