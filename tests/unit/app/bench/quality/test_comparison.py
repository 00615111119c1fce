import msgspec
import pytest

from app.bench.quality.comparison import compare_quality, mcnemar
from app.bench.quality.result import CollectionFacts, ItemResult, Protocol, QualityRun
from app.engine.messages import Sampling
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
    ],
)
def test_what_became_right_and_wrong(before: str, after: str, verdict: str, gained: int, lost: int) -> None:
    [change] = compare_quality(RUN, maths(before), RUN, maths(after)).changes
    assert (change.verdict, change.gained, change.lost) == (verdict, gained, lost)


def test_a_perplexity_that_differs_by_more_than_its_interval() -> None:
    [change] = compare_quality(RUN, part(3.0), RUN, part(2.5)).changes
    assert (change.verdict, change.n) == ("better", 1000)
    [change] = compare_quality(RUN, part(3.0), RUN, part(3.05)).changes
    assert change.verdict == "noise"
    assert compare_quality(RUN, part(3.0), RUN, part(2.5, 900)).changes == []


def test_dialogues_are_compared_in_pairs() -> None:
    [change] = compare_quality(RUN, talks(0.1, 0.5, 0.9), RUN, talks(0.21, 0.6, 1.0)).changes
    assert change.verdict == "better"
    [change] = compare_quality(RUN, talks(0.1, 0.5), RUN, talks(0.2, 0.6)).changes
    assert change.verdict == "not_conclusive"


def test_another_protocol_is_said() -> None:
    other = msgspec.structs.replace(RUN, protocol=msgspec.structs.replace(RUN.protocol, max_tokens=512))
    assert compare_quality(RUN, [], other, []).other_protocol
