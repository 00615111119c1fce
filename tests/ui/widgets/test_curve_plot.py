"""The names on the axes of plots."""

import math

import pytest

from app.ui.widgets.curve_plot import log_ticks


@pytest.mark.parametrize(("low", "high"), [(9.8, 11.1), (0.3, 1.6), (10.1, 10.9), (-0.5, 3.2), (8.6, 11.9)])
def test_a_logarithmic_axis_has_enough_names_to_read_a_value_off(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    places = [place for place, _ in ticks]
    assert places == sorted(places)
    assert all(low <= place <= high for place in places)


def test_they_are_round_and_short() -> None:
    assert log_ticks(9.9, 11.05) == [
        (10.0, "10 G"),
        (10 + math.log10(2), "20 G"),
        (10 + math.log10(5), "50 G"),
        (11.0, "100 G"),
    ]
    assert [name for _, name in log_ticks(-0.8, 1.1)] == ["0.2", "0.5", "1", "2", "5", "10"]
    assert [name for _, name in log_ticks(2.0, 6.0)] == ["100", "1,000", "10,000", "100,000", "1 M"]
