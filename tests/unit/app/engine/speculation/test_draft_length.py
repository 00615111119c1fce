import pytest

from app.engine.batching.step_cost import StepCost
from app.engine.speculation.draft_length import DraftLength
from app.engine.speculation.token_guess import OF_A_MODEL, Guess


def cost_of(base_s: float, token_s: float) -> StepCost:
    cost = StepCost()
    for tokens in (1, 4, 8, 1, 2, 16) * 10:
        cost.observe(tokens, base_s + token_s * tokens)
    return cost


def test_the_cost_of_a_step_is_a_line_through_what_was_measured() -> None:
    cost = cost_of(0.006, 0.003)
    assert cost.seconds(1) == pytest.approx(0.009, rel=0.02)
    assert cost.seconds(33) == pytest.approx(0.105, rel=0.02)


def test_one_size_alone_says_nothing_about_others() -> None:
    cost = StepCost()
    for _ in range(50):
        cost.observe(1, 0.01)
    assert cost.seconds(2) > cost.seconds(1) > 0


def test_a_size_that_the_processor_likes_is_known() -> None:
    cost = StepCost()
    for _ in range(40):
        for tokens in (1, 6, 7, 8, 12):
            cost.observe(tokens, 0.005 + 0.005 * tokens if tokens != 8 else 0.038)
    assert cost.seconds(8) < cost.seconds(7)
    # And one that was never seen lies on the line.
    assert cost.seconds(9) > cost.seconds(8)


def test_a_slower_past_is_forgotten() -> None:
    cost = cost_of(0.06, 0.03)
    for _ in range(200):
        for tokens in (1, 8):
            cost.observe(tokens, 0.006 + 0.003 * tokens)
    assert cost.seconds(1) == pytest.approx(0.009, rel=0.05)


def test_steps_that_were_dear_are_tried_again_after_a_while() -> None:
    cost = cost_of(0.0, 0.01)
    length = DraftLength(cost)
    assert length.best((SURE,) * 8, 1) == 0
    for _ in range(100):
        cost.observe(1, 0.01)
    assert length.best((SURE,) * 8, 1) > 0


UNSURE, SURE = 1, 17
"""Kinds: two tokens agree, and 32 do, both without a doubt."""


def of_kind(kind: int, tokens: tuple[int, ...]) -> Guess:
    return Guess(tokens, (kind,) * len(tokens), 2)


def test_guesses_that_come_true_get_longer() -> None:
    length = DraftLength(cost_of(0.006, 0.003))
    first = length.best((UNSURE,) * 32, 1)
    for _ in range(20):
        length.note(of_kind(UNSURE, tuple(range(8))))
        length.learn(8, list(range(9)))
    assert length.best((UNSURE,) * 32, 1) > first
    assert (length.drafted, length.accepted) == (160, 160)


def test_guesses_that_do_not_pay_stop_and_are_still_watched() -> None:
    length = DraftLength(cost_of(0.001, 0.009))
    for _ in range(20):
        length.note(of_kind(UNSURE, (1, 2, 3)))
        length.learn(3, [9])
    assert length.best((UNSURE,) * 32, 1) == 0
    # Nothing is drafted any more, but the guesses would have been right.
    cheap = DraftLength(cost_of(0.01, 0.001))
    for _ in range(20):
        cheap.note(of_kind(UNSURE, (1, 2, 3)))
        cheap.learn(3, [9])
    before = cheap.best((UNSURE,) * 32, 1)
    for _ in range(60):
        cheap.note(of_kind(UNSURE, (1, 2, 3)))
        cheap.learn(0, [1])
    assert cheap.best((UNSURE,) * 32, 1) > before


def test_a_guess_is_no_longer_than_there_is() -> None:
    length = DraftLength(cost_of(1.0, 0.0))
    assert length.best((SURE,) * 5, 1) == 5
    assert length.best((), 1) == 0


def test_a_guess_ends_before_a_token_that_is_in_doubt() -> None:
    length = DraftLength(cost_of(0.006, 0.003))
    doubt = UNSURE + 1
    assert length.best((SURE, SURE, SURE, doubt, SURE, SURE), 1) == 3


def test_a_dear_draft_model_guesses_less() -> None:
    length = DraftLength(cost_of(0.02, 0.001))
    kinds = (OF_A_MODEL,) * 32
    assert length.best(kinds, 1, guess_s=0.02) < length.best(kinds, 1, guess_s=0.001)


def test_surer_guesses_are_longer() -> None:
    length = DraftLength(cost_of(0.01, 0.001))
    assert length.best((SURE,) * 32, 1) > length.best((UNSURE,) * 32, 1)


def test_a_guess_is_shorter_where_others_wait_for_the_step() -> None:
    length = DraftLength(cost_of(0.006, 0.003))
    alone = length.best((UNSURE,) * 32, 3)
    assert 0 < length.best((UNSURE,) * 32, 3, others=2) < alone
