from app.engine.messages import ThinkingLimits
from app.engine.thinking_control import ThinkingControl


def test_a_budget_of_tokens_closes_at_its_last_token() -> None:
    control = ThinkingControl(ThinkingLimits(tokens=3))
    assert [control.after(n, b"a", n, 0.0) for n in (1, 2, 3)] == ["", "", "budget"]


def test_a_budget_of_seconds_closes_when_they_are_over() -> None:
    control = ThinkingControl(ThinkingLimits(seconds=2.0))
    assert control.after(1, b"a", 1, 1.9) == ""
    assert control.after(2, b"a", 2, 2.0) == "budget"


def test_the_user_may_ask_for_the_answer() -> None:
    control = ThinkingControl(ThinkingLimits())
    assert control.after(1, b"a", 1, 0.0) == ""
    control.ask()
    assert control.after(2, b"b", 2, 0.0) == "asked"


def test_a_loop_closes_unless_the_guard_is_off() -> None:
    guarded, free = ThinkingControl(ThinkingLimits()), ThinkingControl(ThinkingLimits(loop_guard=False))
    words = [(n % 5, (b" one", b" two", b" three", b" four", b" five")[n % 5]) for n in range(1000)]
    assert "loop" in [guarded.after(token, piece, n, 0.0) for n, (token, piece) in enumerate(words)]
    assert not any(free.after(token, piece, n, 0.0) for n, (token, piece) in enumerate(words))


def test_the_closing_tag_stands_on_a_line_of_its_own() -> None:
    control = ThinkingControl(ThinkingLimits())
    control.after(1, b"a thought", 1, 0.0)
    assert control.closing() == b"\n</think>\n\n"
    control.after(2, b".\n", 2, 0.0)
    assert control.closing() == b"</think>\n\n"
