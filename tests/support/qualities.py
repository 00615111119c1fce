"""Measured qualities that tests make up."""

import math
from typing import Any

from models.quantisation.quantisation_loss import Quality


def made_up_quality(loss_percent: float = 1.0, **changes: Any) -> Quality:
    """A quality whose perplexity grew by `loss_percent`."""
    values: dict[str, Any] = {
        "reference": "BF16",
        "reference_bytes": 270_000_000,
        "bytes": 100_000_000,
        "text": "a text",
        "text_sha256": "ab",
        "context_tokens": 512,
        "chunks": 16,
        "scored_tokens": 4080,
        "perplexity": 10 * (1 + loss_percent / 100),
        "perplexity_error": 0.2,
        "reference_perplexity": 10.0,
        "reference_perplexity_error": 0.2,
        "log_ratio": math.log1p(loss_percent / 100),
        "log_ratio_error": 0.002,
        "kld_mean": 0.02,
        "kld_mean_error": 0.001,
        "kld_median": 0.01,
        "kld_p99": 0.2,
        "kld_max": 1.5,
        "same_top": 0.971,
        "same_top_error": 0.0026,
        "prompt_tok_per_s": 300.0,
        "decode_tok_per_s": 120.0,
        "reference_prompt_tok_per_s": 200.0,
        "reference_decode_tok_per_s": 60.0,
        "streamed": False,
        "seconds": 60.0,
        "measured_at": "2026-11-26T02:00:00+00:00",
        "tools": {"llama-cpp-python": "0.3.36"},
    }
    return Quality(**(values | changes))
