"""Which turns a run takes, in which order, and what it leaves out."""

from app.bench.run.order import estimates_s, too_long, turns_of, without_room
from app.bench.run.suite import LOAD, SUITES, Step, Suite

SPEED = SUITES["speed"]


def keys(suite: Suite, left_out: tuple[str, ...] = (), done: tuple[tuple[str, int], ...] = ()) -> list[str]:
    return [f"{turn.step.key}/{turn.repeat}" for turn in turns_of(suite, left_out, done)]


def test_a_load_comes_first_then_warm_ups_then_rounds() -> None:
    found = keys(SPEED)
    assert found[:6] == ["load/0", "tg128/0", "first_token/0", "pp128/0", "pp512/0", "load/1"]
    second = found.index("load/2")
    assert sorted(key.split("/")[0] for key in found[5:second]) == sorted(
        step.key for step in SPEED.steps if step.kind != "streams"
    )


def test_a_step_is_warmed_up_as_often_as_its_suite_says() -> None:
    steps = (Step(key="pp8", kind="prompt", warm_ups=2), Step(key="tg8", kind="generation", warm_ups=0))
    assert keys(Suite(name="own", steps=steps, repeats=1)) == ["load/0", "pp8/0", "pp8/0", "pp8/1", "tg8/1"]


def test_a_generation_at_a_depth_follows_its_prompt() -> None:
    found = keys(SPEED)
    for depth in (2048, 8192):
        for repeat in (1, 2, 3):
            assert found[found.index(f"pp{depth}/{repeat}") + 1] == f"tg128@{depth}/{repeat}"


def test_replies_at_once_come_last_in_rounds_of_their_own() -> None:
    found = keys(SPEED)
    assert found[-13:] == [
        "tg64x8/0",
        *(f"tg64x{streams}/{repeat}" for repeat in (1, 2, 3) for streams in (1, 2, 4, 8)),
    ]


def test_a_suite_without_a_load_loads_all_the_same() -> None:
    assert keys(SUITES["quick"])[0] == "load/0"
    assert LOAD not in SUITES["quick"].steps


def test_what_is_done_is_not_run_again() -> None:
    done = tuple((step.key, repeat) for step in SPEED.steps for repeat in (1, 2))
    found = keys(SPEED, done=done)
    assert not [key for key in found if key.endswith(("/1", "/2"))]
    everything = tuple((step.key, repeat) for step in SPEED.steps for repeat in (1, 2, 3))
    assert keys(SPEED, done=everything) == []


def test_only_replies_at_once_left_need_no_load_for_one() -> None:
    done = tuple((step.key, n) for step in SPEED.steps if step.kind != "streams" for n in (1, 2, 3))
    assert keys(SPEED, done=done)[0] == "tg64x8/0"


def test_what_does_not_fit_into_the_context_is_told() -> None:
    found = without_room(SPEED, 4096)
    assert [item.key for item in found] == ["pp8192", "tg128@8192"]
    assert str(found[0]) == "It needs a context of 8,194 tokens; the model is loaded with 4,096."


def test_a_slow_computer_leaves_out_the_least_important_first() -> None:
    slow = estimates_s(SPEED, prompt_tok_per_s=50.0, decode_tok_per_s=12.0)
    assert [item.key for item in too_long(SPEED, (), slow, 40.0)][:3] == [
        "tg128@8192",
        "pp8192",
        "tg128@2048",
    ]
    very_slow = estimates_s(SPEED, prompt_tok_per_s=5.0, decode_tok_per_s=1.0)
    left = {item.key for item in too_long(SPEED, (), very_slow, 400.0)}
    assert {step.key for step in SPEED.steps} - left == {"load", "pp512", "tg128", "first_token"}


def test_replies_at_once_go_together() -> None:
    slow = estimates_s(SPEED, prompt_tok_per_s=50.0, decode_tok_per_s=3.0)
    left = [item.key for item in too_long(SPEED, (), slow, 60.0)]
    assert {"tg64x1", "tg64x2", "tg64x4", "tg64x8"} <= set(left)


def test_a_fast_computer_and_the_full_suite_leave_nothing_out() -> None:
    fast = estimates_s(SPEED, prompt_tok_per_s=5000.0, decode_tok_per_s=150.0)
    assert too_long(SPEED, (), fast, 10.0) == []
    slow = estimates_s(SUITES["full"], prompt_tok_per_s=5.0, decode_tok_per_s=1.0)
    assert too_long(SUITES["full"], (), slow, 400.0) == []


def test_a_generation_without_its_prompt_costs_the_prompt_too() -> None:
    alone = Suite(name="alone", steps=(Step(key="tg8@1000", kind="generation", tokens=8, depth=1000),))
    assert estimates_s(alone, 100.0, 8.0)["tg8@1000"] > 10.0
