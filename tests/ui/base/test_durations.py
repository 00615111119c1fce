"""Durations as text."""

import pytest

from app.ui.base.durations import duration, exact_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (754.0, "12 min 34 s"), (3900.0, "1 h 05 min")],
)
def test_a_duration_is_told_in_the_units_people_use(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (754.0, "12 min 34 s")]
)
def test_a_short_one_is_told_to_a_tenth(seconds: float, text: str) -> None:
    assert exact_duration(seconds) == text
