from app.commands.terminal.quality_words import gate_warning, quality_document, quality_sentences
from tests.support.qualities import made_up_quality


def test_the_plain_words_come_first() -> None:
    first, loss, divergence, speed = quality_sentences("Q4_K_M", made_up_quality(1.6))
    assert first == (
        "Q4_K_M answers the same next word as BF16 97.1% of the time (± 0.5), at 37% of its size (100 MB)."
    )
    assert "perplexity +1.60% (1.20 to 2.00): 10.160 instead of 10.000, by so much more" in loss
    assert "divergence 0.02000 nats a token (± 0.00196), median 0.01000, " in divergence
    assert "99% below 0.200, at most 1.500" in divergence
    assert speed.endswith("120.0 tok/s instead of 60.0")


def test_a_streamed_reference_is_slow_because_of_the_disk() -> None:
    assert "did not fit into memory" in quality_sentences("Q4_0", made_up_quality(streamed=True))[-1]


def test_the_gate_warns_above_it_only() -> None:
    quality = made_up_quality(2.5)
    assert gate_warning("Q4_0", quality, 2.5001) == ""
    assert "the perplexity of Q4_0 is 2.5% higher than the original's, more than the 2.3%" in gate_warning(
        "Q4_0", quality, 2.3
    )


def test_the_document_holds_the_loss() -> None:
    document = quality_document(made_up_quality(2.0))
    assert document is not None
    assert round(document["accuracy_loss_percent"], 6) == 2
    assert document["same_top"] == 0.971
    assert quality_document(None) is None
