"""The result of reading some chunks of a text with one model."""

import msgspec


class TextPart(msgspec.Struct, frozen=True, kw_only=True, tag="text_part"):
    """Some chunks of a text. `nll` is the sum of the scored tokens' negative log-likelihoods in nats,
    `nll_squares` that of their squares; `all_chunks` is how many the whole text has."""

    chunks: int
    all_chunks: int
    scored_tokens: int
    nll: float
    nll_squares: float
    seconds: float
