import msgspec
import pytest

from app.bench.quality.comparison import QualityChange, compare_quality, mcnemar
from app.bench.quality.result import CollectionFacts, ItemResult, Protocol, QualityRun, TurnResult
from app.bench.quality.scores.kept_share import kept_share
from app.bench.quality.words import quality_side_by_side
from app.bench.report.side_by_side import side_by_side_lines
from app.engine.protocol import Sampling
from tests.support.bench_reports import make_report

RUN = QualityRun(
    id="one",
    started_at="2026-11-26T10:00:00Z",
    stillroom_version="0.1.0",
    protocol=Protocol(sampling=Sampling(), seed=1, max_tokens=4096),
    collections=[
        CollectionFacts(kind=kind, name=kind, licence="CC0-1.0", source="built in", sha256="cd" * 32, items=9)
        for kind in ("perplexity", "maths", "dialogue")
    ],
    machine=make_report().machine,
    model=make_report().model,
)


def other(run_id: str) -> QualityRun:
    return msgspec.structs.replace(RUN, id=run_id)


def only_change(before: list[ItemResult], after: list[ItemResult]) -> QualityChange:
    """Of runs with one figure in common."""
    [figure] = compare_quality([(RUN, before), (other("two"), after)]).figures
    [change] = figure.changes
    assert change is not None
    return change


def maths(rights: str) -> list[ItemResult]:
    verdicts = {"r": "right", "w": "wrong", "n": "does_not_fit"}
    return [
        msgspec.convert({"id": f"maths/{place}", "kind": "maths", "verdict": verdicts[letter]}, ItemResult)
        for place, letter in enumerate(rights)
    ]


def part(nll: float, n: int = 1000) -> list[ItemResult]:
    scores = {"scored_tokens": n, "nll": nll * n, "nll_squares": (nll * nll + 1) * n}
    return [ItemResult(id="perplexity/0", kind="perplexity", verdict="scored", scores=scores)]


def talks(*scores: float) -> list[ItemResult]:
    return [
        ItemResult(id=f"dialogue/{place}", kind="dialogue", verdict="scored", scores={"rouge_l": score})
        for place, score in enumerate(scores)
    ]


def solved(*tokens: int, seconds: float = 2.0) -> list[ItemResult]:
    """Right answers that took so many tokens, and so many seconds each."""
    return [
        ItemResult(
            id=f"maths/{place}",
            kind="maths",
            verdict="right",
            turns=[
                TurnResult(
                    question="1 + 1?",
                    thinking="",
                    answer="2",
                    expected="2",
                    prompt_tokens=9,
                    completion_tokens=count,
                    thinking_tokens=0,
                    seconds=seconds,
                    finish_reason="stop",
                    seed=1,
                )
            ],
        )
        for place, count in enumerate(tokens)
    ]


def test_the_exact_test_for_pairs() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 0) == pytest.approx(0.0625)
    assert mcnemar(6, 0) == pytest.approx(0.03125)
    assert mcnemar(3, 10) == pytest.approx(2 * 378 / 8192)


@pytest.mark.parametrize(
    ("before", "after", "verdict", "gained", "lost"),
    [
        ("wwwwwwww", "rrrrrrrw", "better", 7, 0),
        ("rrrrrrrr", "wwwwwwwr", "worse", 0, 7),
        ("rrrwwwww", "wwwrrrww", "noise", 3, 3),
        ("wwwwwwww", "rrwwwwww", "not_conclusive", 2, 0),
        ("nwwwwwww", "rrrrrrrr", "better", 7, 0),
        ("rrrrrrrw", "rrrrrrrw", "noise", 0, 0),
        ("rrw", "rrw", "not_conclusive", 0, 0),
    ],
)
def test_what_became_right_and_wrong(before: str, after: str, verdict: str, gained: int, lost: int) -> None:
    change = only_change(maths(before), maths(after))
    assert (change.verdict, change.gained, change.lost) == (verdict, gained, lost)


def test_what_is_kept_of_the_right_answers() -> None:
    change = only_change(maths("r" * 40 + "w" * 5), maths("w" * 2 + "r" * 38 + "r" + "w" * 4))
    assert change.kept == kept_share(38, 2, 1)
    alike = compare_quality([(RUN, maths("rrrrw")), (other("two"), maths("rrrrw"))])
    lines = list(side_by_side_lines(quality_side_by_side(alike)))
    assert any("keeps 100% (63 to 158) of the right answers" in line for line in lines), lines
    assert only_change(maths("wwww"), maths("rrww")).kept is None


def test_a_perplexity_that_differs_by_more_than_its_interval() -> None:
    [figure] = compare_quality([(RUN, part(3.0)), (other("two"), part(2.5))]).figures
    assert (figure.n, figure.changes[0].verdict if figure.changes[0] else "") == (1000, "better")
    assert only_change(part(3.0), part(3.05)).verdict == "noise"
    assert compare_quality([(RUN, part(3.0)), (other("two"), part(2.5, 900))]).figures == []


def test_dialogues_are_compared_in_pairs() -> None:
    assert only_change(talks(0.1, 0.5, 0.9), talks(0.21, 0.6, 1.0)).verdict == "better"
    assert only_change(talks(0.1, 0.5, 0.9), talks(0.1, 0.5, 0.9)).verdict == "noise"
    assert only_change(talks(0.1, 0.5), talks(0.2, 0.6)).verdict == "not_conclusive"


def test_another_protocol_is_said() -> None:
    short = msgspec.structs.replace(
        RUN, id="short", protocol=msgspec.structs.replace(RUN.protocol, max_tokens=512)
    )
    assert compare_quality([(RUN, []), (other("two"), []), (short, [])]).other_protocol == ["short"]


def test_three_runs_stand_against_the_first_on_what_all_have() -> None:
    runs = [(RUN, maths("rrrrrrrr")), (other("two"), maths("rrrrrrrr")), (other("three"), maths("wwwwwww"))]
    comparison = compare_quality(runs)
    assert [run.id for run in comparison.runs] == ["one", "two", "three"]
    [figure] = comparison.figures
    assert (figure.key, figure.n, figure.first) == ("pass_at_1", 7, 1.0)
    same, worse = figure.changes
    assert same is not None
    assert worse is not None
    assert (same.verdict, same.value) == ("noise", 1.0)
    assert (worse.verdict, worse.value, worse.lost) == ("worse", 0.0, 7)


def test_a_run_that_has_nothing_in_common_takes_nothing_away() -> None:
    strangers = [msgspec.structs.replace(item, id=f"maths/far-{item.id[6:]}") for item in maths("rrrr")]
    runs = [(RUN, maths("rrww")), (other("two"), strangers), (other("three"), maths("rrww"))]
    [figure] = compare_quality(runs).figures
    assert figure.n == 4
    assert figure.changes[0] is None
    assert figure.changes[1] is not None
    assert compare_quality(runs[:2]).figures == []


def test_many_changes_make_one_by_chance_less_telling() -> None:
    # Six of six by chance: 0.03 alone, 0.06 beside another test.
    assert only_change(maths("wwwwww"), maths("rrrrrr")).verdict == "better"
    runs = [(RUN, maths("wwwwww")), (other("two"), maths("rrrrrr")), (other("three"), maths("wwwwww"))]
    [figure] = compare_quality(runs).figures
    change = figure.changes[0]
    assert change is not None
    assert change.p == pytest.approx(0.0625)
    assert change.verdict == "not_conclusive"


def test_what_a_right_answer_took_is_compared_where_all_are_right() -> None:
    before = solved(100, 120, 90, 400)
    after = [*solved(51, 61, 44, seconds=1.0), *maths("wwww")[3:]]
    figures = compare_quality([(RUN, before), (other("two"), after)]).figures
    assert [figure.key for figure in figures] == ["pass_at_1", "tokens_to_right", "seconds_to_right"]
    tokens, seconds = figures[1:]
    assert (tokens.n, round(tokens.first)) == (3, 103)
    assert [change.verdict for figure in (tokens, seconds) for change in figure.changes if change] == [
        "better",
        "better",
    ]


def test_runs_of_thousands_of_questions_are_compared() -> None:
    assert mcnemar(0, 5000) < 1e-300
    assert mcnemar(2500, 2500) == 1.0
    assert mcnemar(2, 8) == pytest.approx(0.109375)
