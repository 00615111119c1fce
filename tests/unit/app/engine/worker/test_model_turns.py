from app.engine.worker.model_turns import Turns


def shares(front_step_s: float, background_step_s: float, rounds: int) -> tuple[float, float]:
    """Time that a model in front and one in the background get beside each other."""
    turns = Turns()
    front_s = background_s = 0.0
    for _ in range(rounds):
        assert turns.may_step(is_front=True, any_front=True)
        front_s += front_step_s
        turns.took(front_step_s, is_front=True)
        if turns.may_step(is_front=False, any_front=True):
            background_s += background_step_s
            turns.took(background_step_s, is_front=False)
    return front_s, background_s


def test_equal_steps_alternate() -> None:
    assert shares(1.0, 1.0, 100) == (100.0, 100.0)


def test_long_steps_of_the_background_leave_the_front_its_half() -> None:
    front_s, background_s = shares(0.05, 1.0, 1000)
    assert background_s <= front_s + 1.0
    assert background_s > 0.9 * front_s


def test_alone_the_background_has_all_the_time() -> None:
    turns = Turns()
    for _ in range(10):
        assert turns.may_step(is_front=False, any_front=False)
        turns.took(1.0, is_front=False)
    # And that does not count against it later.
    assert turns.may_step(is_front=False, any_front=False)
    assert turns.may_step(is_front=False, any_front=True)
