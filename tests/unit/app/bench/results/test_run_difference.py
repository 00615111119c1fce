"""Which changes are called a change."""

import random

from app.bench.results.report import Report
from app.bench.results.run_difference import Comparison, compare, compare_all, run_noise
from tests.support.bench_reports import make_report


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {change.key: change.verdict for change in comparison.changes}


def test_a_clear_loss_is_worse_and_a_clear_gain_better() -> None:
    before = make_report(generation=[58.0, 58.4, 58.8], first_token_s=[0.31, 0.312, 0.314])
    after = make_report(generation=[50.0, 50.4, 50.8], first_token_s=[0.25, 0.251, 0.252])
    comparison = compare(before, after)
    assert verdicts(comparison)["tg128"] == "worse"
    assert verdicts(comparison)["first_token"] == "better"
    change = next(change for change in comparison.changes if change.key == "tg128")
    assert round(change.change_percent, 1) == -13.7
    assert change.p is not None
    assert change.p < 0.001


def test_a_change_within_the_scatter_is_noise() -> None:
    comparison = compare(make_report(generation=[56, 58, 60]), make_report(generation=[58, 60, 62]))
    assert verdicts(comparison)["tg128"] == "noise"


def test_a_tiny_change_is_noise_however_steady_the_runs() -> None:
    comparison = compare(make_report(generation=[58.0] * 3), make_report(generation=[58.5] * 3))
    assert verdicts(comparison)["tg128"] == "noise"


def test_a_wild_run_decides_nothing() -> None:
    comparison = compare(make_report(), make_report(generation=[20, 40, 60]))
    assert verdicts(comparison)["tg128"] == "not_conclusive"


def test_too_few_repeats_are_a_verdict_of_their_own() -> None:
    # Ten times as fast, and yet not more than chance by a test of two repeats: nobody would call that noise.
    comparison = compare(make_report(generation=[33.1, 40.3, 47.5]), make_report(generation=[411.6, 472.4]))
    assert (verdicts(comparison)["tg128"], comparison.outcome) == ("too_few", "too_few")
    # Neither are two runs called equal by two repeats, nor a speed better by one.
    assert verdicts(compare(make_report(generation=[58, 58.1]), make_report(generation=[58, 58.2])))[
        "tg128"
    ] == ("too_few")
    assert verdicts(compare(make_report(generation=[40.0]), make_report(generation=[50.0])))["tg128"] == (
        "too_few"
    )
    # What two repeats do prove counts.
    clear = compare(make_report(generation=[40.0, 40.01]), make_report(generation=[80.0, 80.01]), 0.0001)
    assert verdicts(clear)["tg128"] == "better"


def test_one_reading_of_memory_is_judged_by_its_size() -> None:
    comparison = compare(make_report(peak_ram_bytes=1.1e9), make_report(peak_ram_bytes=1.4e9))
    change = next(change for change in comparison.changes if change.key == "peak_ram")
    assert (change.verdict, change.p) == ("worse", None)


def test_says_what_else_was_different() -> None:
    comparison = compare(
        make_report(quantisation="Q4_K_M"), make_report(quantisation="Q8_0", sha256="cd" * 32)
    )
    assert [(item.field, item.before, item.after) for item in comparison.differences] == [
        ("quantisation", "Q4_K_M", "Q8_0"),
        ("sha256", "abababababab", "cdcdcdcdcdcd"),
    ]


def drawn(draw: random.Random, factor: float = 1.0, *, within: float = 0.01, between: float = 0.01) -> Report:
    """A run of a made-up computer whose runs differ by `between` and whose repeats by `within`."""

    def values(mean: float) -> list[float]:
        run = mean * draw.gauss(1, between)
        return [run * draw.gauss(1, within) for _ in range(3)]

    return make_report(
        f"run-{draw.random()}",
        generation=values(58 * factor),
        prompt=values(1243 * factor),
        first_token_s=values(0.31 / factor),
    )


def test_equal_runs_are_called_different_once_in_twenty_at_most() -> None:
    draw = random.Random(2)
    for _ in range(10):
        comparisons = [compare(drawn(draw), drawn(draw)) for _ in range(20)]
        different = [
            pair
            for pair in comparisons
            if any(change.verdict in ("better", "worse") for change in pair.changes)
        ]
        assert len(different) <= 1


def test_a_tenth_slower_is_called_slower_every_time() -> None:
    draw = random.Random(3)
    outcomes = [compare(drawn(draw), drawn(draw, 0.85)).outcome for _ in range(20)]
    assert outcomes == ["slower"] * 20


def test_the_outcome_is_of_generation_and_prompt() -> None:
    faster = compare(make_report(), make_report(generation=[70, 70.4, 70.8]))
    assert faster.outcome == "faster"
    mixed = compare(make_report(), make_report(generation=[70, 70.4, 70.8], prompt=[900, 905, 910]))
    assert mixed.outcome == "mixed"
    assert compare(make_report(), make_report()).outcome == "noise"
    # Far apart, so that even a wild run cannot hide it.
    assert compare(make_report(), make_report(generation=[20, 22, 26])).outcome == "slower"
    assert compare(make_report(), make_report(generation=[20, 40, 60])).outcome == "not_conclusive"


def test_the_noise_between_runs_is_that_of_the_history() -> None:
    draw = random.Random(4)
    quiet = [drawn(draw, between=0.002, within=0.002) for _ in range(20)]
    loud = [drawn(draw, between=0.04, within=0.002) for _ in range(20)]
    found = run_noise(quiet), run_noise(loud)
    assert found[0] is not None
    assert found[1] is not None
    assert found[0] < 0.006 < 0.02 < found[1] < 0.08
    assert run_noise(quiet[:2]) is None


def test_disturbed_runs_and_other_settings_say_nothing_of_the_noise() -> None:
    marked = [make_report(f"a{n}", generation=[50 + n] * 3, marks=["busy"]) for n in range(5)]
    assert run_noise(marked) is None
    others = [make_report(f"b{n}", quantisation=f"Q{n}_0", sha256=f"{n}" * 64) for n in range(5)]
    assert run_noise(others) is None


def test_more_noise_between_runs_makes_a_change_noise() -> None:
    before, after = make_report(), make_report(generation=[54.4, 54.6, 54.8])
    assert verdicts(compare(before, after))["tg128"] == "worse"
    assert verdicts(compare(before, after, run_deviation=0.05))["tg128"] == "noise"


def test_several_runs_stand_against_the_first() -> None:
    runs = [make_report("a"), make_report("b", generation=[50, 50.4, 50.8]), make_report("c")]
    found = compare_all(runs)
    assert [(pair.before.id, pair.after.id) for pair in found] == [("a", "b"), ("a", "c")]
    assert [pair.outcome for pair in found] == ["slower", "noise"]
