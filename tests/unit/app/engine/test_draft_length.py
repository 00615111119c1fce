import pytest

from app.engine.draft_length import DraftLength
from app.engine.guess import Guess
from app.engine.step_cost import StepCost


def cost_of(base_s: float, token_s: float) -> StepCost:
    cost = StepCost()
    for tokens in (1, 4, 8, 1, 2, 16):
        cost.observe(tokens, base_s + token_s * tokens)
    return cost


def test_the_cost_of_a_step_is_a_line_through_what_was_measured() -> None:
    cost = cost_of(0.006, 0.003)
    assert cost.seconds(1) == pytest.approx(0.009, rel=1e-3)
    assert cost.seconds(33) == pytest.approx(0.105, rel=1e-3)


def test_one_size_alone_says_nothing_about_others() -> None:
    cost = StepCost()
    for _ in range(50):
        cost.observe(1, 0.01)
    assert cost.seconds(2) > cost.seconds(1) > 0


def test_a_slower_past_is_forgotten() -> None:
    cost = cost_of(0.06, 0.03)
    for _ in range(200):
        for tokens in (1, 8):
            cost.observe(tokens, 0.006 + 0.003 * tokens)
    assert cost.seconds(1) == pytest.approx(0.009, rel=0.05)


def test_guesses_that_come_true_get_longer() -> None:
    length = DraftLength(cost_of(0.006, 0.003))
    first = length.best(3, 32, 1)
    for _ in range(20):
        length.note(Guess(tuple(range(8)), 3))
        length.learn(8, list(range(9)))
    assert length.best(3, 32, 1) > first
    assert (length.drafted, length.accepted) == (160, 160)


def test_guesses_that_do_not_pay_stop_and_are_still_watched() -> None:
    length = DraftLength(cost_of(0.001, 0.009))
    for _ in range(20):
        length.note(Guess((1, 2, 3), 3))
        length.learn(3, [9])
    assert length.best(3, 32, 1) == 0
    # Nothing is drafted any more, but the guesses would have been right.
    cheap = DraftLength(cost_of(0.01, 0.001))
    for _ in range(20):
        cheap.note(Guess((1, 2, 3), 3))
        cheap.learn(3, [9])
    before = cheap.best(3, 32, 1)
    for _ in range(60):
        cheap.note(Guess((1, 2, 3), 3))
        cheap.learn(0, [1])
    assert cheap.best(3, 32, 1) > before


def test_a_guess_is_no_longer_than_there_is() -> None:
    length = DraftLength(cost_of(1.0, 0.0))
    assert length.best(32, 5, 1) == 5
    assert length.best(32, 0, 1) == 0


def test_a_dear_draft_model_guesses_less() -> None:
    length = DraftLength(cost_of(0.02, 0.001))
    assert length.best(0, 32, 1, guess_s=0.02) < length.best(0, 32, 1, guess_s=0.001)


def test_surer_guesses_are_longer() -> None:
    length = DraftLength(cost_of(0.01, 0.001))
    assert length.best(32, 32, 1) > length.best(3, 32, 1)
