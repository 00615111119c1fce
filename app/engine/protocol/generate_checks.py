"""The ranges of what a `Generate` request asks for."""

from app.base.errors import RequestError
from app.engine.grammar.gbnf import LONGEST_GRAMMAR
from app.engine.protocol import Generate, PartialReply

MOST_STOP_STRINGS = 64
MOST_LOGIT_BIASES = 1024
MOST_DRY_BREAKERS = 16
MOST_LOGPROBS = 100
LONGEST_PARTIAL = 16_000_000
"""Characters of a reply that goes on; no context holds as many."""
LARGEST_SCALE = 100.0
"""Of an adapter; 1 is as it was trained."""


def check_generate(request: Generate, vocabulary: int) -> None:
    """Raise `RequestError` for a number outside its range; llama.cpp would abort or draw nonsense."""
    sampling, limits = request.sampling, request.thinking_limits
    partial = request.partial or PartialReply()
    for name, value, low, high in (
        ("temperature", sampling.temperature, 0.0, 10.0),
        ("top_p", sampling.top_p, 0.0, 1.0),
        ("min_p", sampling.min_p, 0.0, 1.0),
        ("top_k", sampling.top_k, 0, 1_000_000),
        ("typical_p", sampling.typical_p, 0.0, 1.0),
        ("repeat penalty", sampling.repeat_penalty, 0.01, 10.0),
        ("number of tokens for the repeat penalty", sampling.repeat_last_tokens, 0, 1_000_000),
        ("presence penalty", sampling.presence_penalty, -10.0, 10.0),
        ("frequency penalty", sampling.frequency_penalty, -10.0, 10.0),
        ("DRY multiplier", sampling.dry_multiplier, 0.0, 100.0),
        ("DRY base", sampling.dry_base, 1.0, 100.0),
        ("number of tokens that DRY allows", sampling.dry_allowed_tokens, 0, 1_000_000),
        ("number of tokens for DRY", sampling.dry_last_tokens, 0, 1_000_000),
        ("number of DRY breakers", len(sampling.dry_breakers), 0, MOST_DRY_BREAKERS),
        ("XTC probability", sampling.xtc_probability, 0.0, 1.0),
        ("XTC threshold", sampling.xtc_threshold, 0.0, 1.0),
        ("mirostat tau", sampling.mirostat_tau, 0.0, 100.0),
        ("mirostat eta", sampling.mirostat_eta, 0.0, 10.0),
        ("number of logit biases", len(sampling.logit_bias), 0, MOST_LOGIT_BIASES),
        *(("logit bias", bias, -1000.0, 1000.0) for bias in sampling.logit_bias.values()),
        ("seed", 0 if sampling.seed is None else sampling.seed, 0, 2**32 - 1),
        ("number of new tokens", request.max_tokens, 0, 2**31 - 1),
        ("number of stop strings", len(request.stop), 0, MOST_STOP_STRINGS),
        ("number of log probabilities", request.logprobs or 0, 0, min(MOST_LOGPROBS, vocabulary)),
        ("thinking budget in tokens", limits.tokens or 0, 0, 2**31 - 1),
        ("thinking budget in seconds", limits.seconds or 0.0, 0.0, 1e9),
        *(("scale of an adapter", lora.scale, -LARGEST_SCALE, LARGEST_SCALE) for lora in request.loras),
        ("length of the reply so far", len(partial.thinking) + len(partial.answer), 0, LONGEST_PARTIAL),
        ("thinking time of the reply so far", partial.thinking_s, 0.0, 1e9),
        ("length of the grammar", len(request.grammar), 0, LONGEST_GRAMMAR),
    ):
        # Written so that a NaN is refused too.
        if not low <= value <= high:
            raise RequestError(
                "The {setting} is {value}; it must lie between {low} and {high}.",
                "Correct it in the sampling settings.",
                setting=name,
                value=value,
                low=low,
                high=high,
            )
    if request.grammar and request.json_schema:
        raise RequestError(
            "A reply can follow a grammar or a JSON schema, not both.", "Leave one of the two out."
        )
    if request.thinking == "off" and limits.tokens:
        raise RequestError(
            "A thinking budget needs thinking and answer told apart.", "Leave the budget out, or turn it on."
        )
    for tokens in (request.tokens, sampling.logit_bias):
        if not tokens:
            continue
        # Of a million tokens too.
        lowest, highest = min(tokens), max(tokens)
        if lowest < 0 or highest >= vocabulary:
            raise RequestError(
                "Token {token} is not in the model's vocabulary of {vocabulary}.",
                "Tokenise the text with the model that is loaded.",
                token=lowest if lowest < 0 else highest,
                vocabulary=vocabulary,
            )
