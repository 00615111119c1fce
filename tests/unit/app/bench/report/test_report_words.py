"""Sentences of a report."""

from app.bench.report.report_words import interruptions_text


def test_one_interruption_is_one() -> None:
    assert interruptions_text(1) == "The run was interrupted once, and went on."
    assert interruptions_text(2) == "The run was interrupted 2 times, and went on."
