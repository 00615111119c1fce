"""Which changes are called a change."""

import random

from app.bench.compare import Comparison, compare
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


def test_equal_machines_are_rarely_called_different() -> None:
    draw = random.Random(2)

    def run() -> list[float]:
        return [draw.gauss(58, 0.6) for _ in range(3)]

    called = sum(
        verdicts(compare(make_report(generation=run()), make_report(generation=run())))["tg128"] != "noise"
        for _ in range(200)
    )
    assert called <= 6
