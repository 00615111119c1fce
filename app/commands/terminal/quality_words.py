"""The cost of quantising, in sentences for a terminal and as the part of a JSON document."""

from typing import Any

import msgspec

from models.quantisation.quantisation_loss import CONFIDENCE, Quality
from models.system.units import byte_count


def quality_document(quality: Quality | None) -> dict[str, Any] | None:
    """The measured quality with the loss that follows from it; None where it was not measured."""
    if quality is None:
        return None
    document: dict[str, Any] = msgspec.to_builtins(quality)
    return document | {
        "accuracy_loss_percent": quality.accuracy_loss_percent,
        "accuracy_loss_interval_percent": list(quality.accuracy_loss_interval),
    }


def quality_sentences(kind: str, quality: Quality) -> list[str]:
    """Say what quantising to the type `kind` cost, the plainest sentence first."""
    low, high = quality.accuracy_loss_interval
    spread = 100 * CONFIDENCE * quality.same_top_error
    return [
        f"{kind} answers the same next word as {quality.reference} {100 * quality.same_top:.1f}% of the time "
        f"(± {spread:.1f}), at {100 * quality.bytes / quality.reference_bytes:.0f}% of its size "
        f"({byte_count(quality.bytes)}).",
        f"  perplexity {quality.accuracy_loss_percent:+.2f}% ({low:.2f} to {high:.2f}): "
        f"{quality.perplexity:.3f} instead of {quality.reference_perplexity:.3f}, by so much more "
        "a text surprises it",
        f"  divergence {quality.kld_mean:.5f} nats a token (± {CONFIDENCE * quality.kld_mean_error:.5f}), "
        f"median {quality.kld_median:.5f}, 99% below {quality.kld_p99:.3f}, at most {quality.kld_max:.3f}",
        f"  speed {quality.decode_tok_per_s:.1f} tok/s instead of {quality.reference_decode_tok_per_s:.1f}"
        + (", which is the disk's: it did not fit into memory" if quality.streamed else ""),
    ]


def gate_warning(kind: str, quality: Quality, gate_percent: float) -> str:
    """The sentence about a loss above the user's limit; empty where it is not above."""
    if quality.accuracy_loss_percent <= gate_percent:
        return ""
    return (
        f"Warning: the perplexity of {kind} is {quality.accuracy_loss_percent:.1f}% higher than the "
        f"original's, more than the {gate_percent:.1f}% that you allow. A larger type stays "
        "closer to the original."
    )
