"""The suites."""

import pytest

from app.base.errors import StillroomError
from app.bench.run.suite import SUITES, first_token_prompt, suite_named


def test_the_speed_suite_is_what_llama_bench_measures_and_more() -> None:
    speed = suite_named("speed")
    assert [step.key for step in speed.steps if not step.optional] == [
        "load",
        "pp512",
        "tg128",
        "first_token",
    ]
    assert (speed.repeats, speed.budget_s) == (3, 180.0)


def test_an_unknown_suite_names_the_known_ones() -> None:
    with pytest.raises(StillroomError) as caught:
        suite_named("fast")
    assert caught.value.hint_text() == f"The suites are: {', '.join(SUITES)}."


def test_the_prompt_is_a_real_text() -> None:
    assert 1500 < len(first_token_prompt()) < 2500
