from app.engine.generation.loop_guard import LoopGuard
from app.engine.generation.thinking_limits import LOOK_TOKENS, ThinkingControl
from app.engine.protocol import ThinkingLimits

ROOM = 1_000_000


def test_a_budget_of_tokens_closes_at_its_last_token() -> None:
    control = ThinkingControl(ThinkingLimits(tokens=3), ROOM)
    assert [control.why_close(n, 0.0) for n in (1, 2, 3)] == ["", "", "budget"]


def test_a_budget_of_seconds_closes_when_they_are_over() -> None:
    control = ThinkingControl(ThinkingLimits(seconds=2.0), ROOM)
    assert control.why_close(1, 1.9) == ""
    assert control.why_close(2, 2.0) == "budget"


def test_the_user_may_ask_for_the_answer() -> None:
    control = ThinkingControl(ThinkingLimits(), ROOM)
    assert control.why_close(1, 0.0) == ""
    control.asked = True
    assert control.why_close(2, 0.0) == "asked"


def test_a_loop_closes_unless_the_guard_is_off() -> None:
    guarded, free = (
        ThinkingControl(ThinkingLimits(), ROOM),
        ThinkingControl(ThinkingLimits(loop_guard=False), ROOM),
    )
    pieces = (b" one", b" two", b" three", b" four", b" five")
    closed_at = []
    for tokens in range(1, 1001):
        for control in (guarded, free):
            control.note(tokens % 5, pieces[tokens % 5])
        assert free.why_close(tokens, 0.0) == ""
        if guarded.why_close(tokens, 0.0) == "loop":
            closed_at.append(tokens)
    assert closed_at
    assert all(tokens % LOOK_TOKENS == 0 for tokens in closed_at)


def test_it_says_until_when_it_need_not_be_asked() -> None:
    free, short = ThinkingControl(ThinkingLimits(), ROOM), ThinkingControl(ThinkingLimits(tokens=11), ROOM)
    soonest = LoopGuard().soonest()
    for tokens in (0, 1, LOOK_TOKENS, 1003):
        asked_at = tokens + free.unwatched(tokens)
        assert soonest <= asked_at - tokens < soonest + LOOK_TOKENS
        assert asked_at % LOOK_TOKENS == 0
    assert [short.unwatched(tokens) for tokens in (0, 8, 10, 11, 12)] == [11, 3, 1, 1, 1]
    unguarded = ThinkingControl(ThinkingLimits(loop_guard=False, answer_room=False), ROOM)
    assert unguarded.unwatched(7) == ROOM - 7


def test_the_closing_tag_stands_on_a_line_of_its_own() -> None:
    control = ThinkingControl(ThinkingLimits(), ROOM)
    control.note(1, b"a thought")
    assert control.closing() == b"\n</think>\n\n"
    control.note(2, b".\n")
    assert control.closing() == b"</think>\n\n"


def test_room_for_an_answer_is_kept() -> None:
    for room, most in ((512, 256), (2048, 1536), (8192, 7168), (100, 50)):
        control = ThinkingControl(ThinkingLimits(loop_guard=False), room)
        assert [control.why_close(tokens, 0.0) for tokens in (most - 1, most)] == ["", "room"]
        assert control.unwatched(most - 3) <= 3
    assert ThinkingControl(ThinkingLimits(answer_room=False), 512).why_close(511, 0.0) == ""
    assert ThinkingControl(ThinkingLimits(tokens=5), 512).why_close(5, 0.0) == "budget"
