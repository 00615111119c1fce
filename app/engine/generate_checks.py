"""The ranges of what a `Generate` request asks for."""

from app.engine.messages import Generate
from app.errors import EngineError


def check_generate(request: Generate, vocabulary: int) -> None:
    """Raise `EngineError` for a number outside its range; llama.cpp would abort or draw nonsense."""
    sampling = request.sampling
    for name, value, low, high in (
        ("temperature", sampling.temperature, 0.0, 10.0),
        ("top_p", sampling.top_p, 0.0, 1.0),
        ("min_p", sampling.min_p, 0.0, 1.0),
        ("top_k", sampling.top_k, 0, 1_000_000),
        ("repeat penalty", sampling.repeat_penalty, 0.01, 10.0),
        ("number of tokens for the repeat penalty", sampling.repeat_last_tokens, 0, 1_000_000),
        ("seed", 0 if sampling.seed is None else sampling.seed, 0, 2**32 - 1),
        ("number of new tokens", request.max_tokens, 0, 2**31 - 1),
    ):
        # Written so that a NaN is refused too.
        if not low <= value <= high:
            raise EngineError(
                "The {setting} is {value}; it must lie between {low} and {high}.",
                "Correct it in the sampling settings.",
                setting=name,
                value=value,
                low=low,
                high=high,
            )
    for token in request.tokens or ():
        if not 0 <= token < vocabulary:
            raise EngineError(
                "Token {token} is not in the model's vocabulary of {vocabulary}.",
                "Tokenise the text with the model that is loaded.",
                token=token,
                vocabulary=vocabulary,
            )
