import pytest

from app.engine.batching.scheduler import FIRST_TOKENS, MOST_EXTRA_S, BackgroundPace


def seconds_of(front: int, background: int) -> float:
    """A machine on which a step costs 20 ms, and each token 5 ms more."""
    return 0.02 + 0.005 * (front + background)


def run(pace: BackgroundPace, steps: int) -> tuple[float, list[float]]:
    """All seconds of that many steps, and how long each was."""
    lengths = []
    for _ in range(steps):
        tokens = min(pace.tokens, 400)
        lengths.append(seconds_of(1, tokens))
        pace.took(lengths[-1], tokens)
    return sum(lengths), lengths


def test_the_front_keeps_half_of_its_speed() -> None:
    pace = BackgroundPace()
    pace.took(seconds_of(1, 0), 0)
    total, _ = run(pace, 500)
    assert total <= 2.1 * 500 * seconds_of(1, 0)


def test_the_background_gets_the_other_half() -> None:
    pace = BackgroundPace()
    pace.took(seconds_of(1, 0), 0)
    total, _ = run(pace, 500)
    assert total >= 1.6 * 500 * seconds_of(1, 0)


def test_no_step_is_much_longer_than_the_front_needs() -> None:
    pace = BackgroundPace()
    pace.took(seconds_of(1, 0), 0)
    _, lengths = run(pace, 200)
    assert max(lengths[5:]) <= seconds_of(1, 0) + 1.3 * MOST_EXTRA_S


def test_where_more_tokens_cost_nothing_the_background_goes_at_full_speed() -> None:
    pace = BackgroundPace()
    for _ in range(50):
        pace.took(0.02, 0)
    assert pace.tokens == FIRST_TOKENS
    for _ in range(10):
        pace.took(0.02, 100)
        assert pace.tokens > 0


@pytest.mark.parametrize("extra_s", [0.01, 0.1, 1.0])
def test_after_a_shared_step_the_front_goes_alone_for_as_long(extra_s: float) -> None:
    pace = BackgroundPace()
    pace.took(0.02, 0)
    pace.took(0.02 + extra_s, 10)
    alone = 0
    while not pace.tokens:
        pace.took(0.02, 0)
        alone += 1
    assert alone * 0.02 == pytest.approx(extra_s, abs=0.02)
