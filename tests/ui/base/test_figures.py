"""Measured figures as text."""

import pytest

from app.ui.base import figures


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (0.312, "0.31"),
        (7.306, "7.31"),
        (9.996, "10.0"),
        (58.44, "58.4"),
        (146.2, "146"),
        (1243.4, "1,243"),
    ],
)
def test_about_three_significant_figures(value: float, text: str) -> None:
    assert figures.rate(value) == text


def test_a_change_has_its_sign() -> None:
    assert [figures.change(value) for value in (-4.13, 0.0, 49.87)] == ["−4.1%", "+0.0%", "+49.9%"]
    assert figures.change(-0.021, 2) == "−0.02%"


def test_short_durations_keep_their_milliseconds() -> None:
    assert (figures.seconds(0.0123), figures.seconds(0.31), figures.seconds(12.3)) == (
        "0.012",
        "0.31",
        "12.3",
    )
