"""The loss of a model by quantising, as measured against its full-precision form."""

import math

import msgspec

CONFIDENCE = 1.96
"""Standard errors to either side that hold the true value 95 times in 100."""


PUBLISHED_LOSS_PERCENT = {
    "Q8_0": 0.04,
    "Q6_K": 0.3,
    "Q5_K_M": 0.9,
    "Q4_K_M": 2.8,
    "IQ4_XS": 3.7,
    "Q4_K_S": 4.3,
    "Q4_0": 7.5,
    "Q3_K_M": 8.1,
}
"""The growth of Llama 3 8B's perplexity by each type, IQ4_XS and Q3_K_M with an importance matrix, as they
are made here: what to expect of a type before it is measured. Smaller models lose more.
https://github.com/ggml-org/llama.cpp/blob/master/tools/perplexity/README.md (LLaMA 3 8b scoreboard)
"""


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """A quantised file against the full-precision one on a text that neither was made with.

    Each `_error` is one standard error. Perplexities, `log_ratio` (of the quantised perplexity to the other)
    and the Kullback-Leibler divergences (in nats a token) are computed as llama-perplexity computes them;
    `same_top` is the share of tokens for which both hold the same next token for the likeliest. `streamed`:
    the full-precision file did not fit into memory, so its speed is the disk's. `measured_at` is ISO 8601 in
    UTC.
    """

    reference: str
    reference_bytes: int
    bytes: int
    text: str
    text_sha256: str
    context_tokens: int
    chunks: int
    scored_tokens: int
    perplexity: float
    perplexity_error: float
    reference_perplexity: float
    reference_perplexity_error: float
    log_ratio: float
    log_ratio_error: float
    kld_mean: float
    kld_mean_error: float
    kld_median: float
    kld_p99: float
    kld_max: float
    same_top: float
    same_top_error: float
    prompt_tok_per_s: float
    decode_tok_per_s: float
    reference_prompt_tok_per_s: float
    reference_decode_tok_per_s: float
    streamed: bool
    seconds: float
    measured_at: str
    tools: dict[str, str]

    @property
    def accuracy_loss_percent(self) -> float:
        """The growth of the perplexity in percent; below zero where it shrank.

        No measured share of right answers: it is what a text can tell, and small losses follow it closely.
        """
        return 100.0 * math.expm1(self.log_ratio)

    @property
    def accuracy_loss_interval(self) -> tuple[float, float]:
        """The 95% confidence interval of `accuracy_loss_percent`."""
        spread = CONFIDENCE * self.log_ratio_error
        return 100.0 * math.expm1(self.log_ratio - spread), 100.0 * math.expm1(self.log_ratio + spread)
