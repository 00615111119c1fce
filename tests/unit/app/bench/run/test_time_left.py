"""Counting down with and without an earlier run."""

import pytest

from app.bench.run.time_left import TimeLeft

TURNS = ["load", "load", "pp512", "tg128", "tg128"]


def test_is_unknown_until_every_step_has_run_once() -> None:
    left = TimeLeft(TURNS)
    assert left.remaining_s() is None
    for elapsed_s in (1.0, 1.0, 2.0):
        left.finish_turn(elapsed_s)
    assert left.remaining_s() is None
    assert left.fraction() == pytest.approx(3 / 5)
    left.finish_turn(4.0)
    assert left.remaining_s() == pytest.approx(4.0)
    assert left.fraction() == pytest.approx(8 / 12)
    left.finish_turn(4.0)
    assert (left.remaining_s(), left.fraction()) == (0.0, 1.0)


def test_an_earlier_run_tells_from_the_start() -> None:
    left = TimeLeft(TURNS, {"load": 1.0, "pp512": 2.0, "tg128": 4.0})
    assert left.remaining_s() == pytest.approx(12.0)
    assert left.fraction() == 0.0
    assert left.remaining_s(in_turn_s=0.5) == pytest.approx(11.5)


def test_a_turn_that_takes_longer_does_not_count_below_nothing() -> None:
    left = TimeLeft(TURNS, {"load": 1.0, "pp512": 2.0, "tg128": 4.0})
    assert left.remaining_s(in_turn_s=100.0) == pytest.approx(11.0)


def test_this_runs_own_turns_replace_what_was_known() -> None:
    left = TimeLeft(["tg128", "tg128"], {"tg128": 4.0})
    left.finish_turn(6.0)
    assert left.remaining_s() == pytest.approx(6.0)
