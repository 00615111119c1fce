"""Which runs of a model file stand in one line."""

import msgspec

from app.bench.quality.figures import figures_of
from app.bench.quality.result import QualityRun
from app.bench.quality.trend import quality_trend
from tests.unit.app.bench.quality.test_comparison import RUN, maths, part

FIGURES = figures_of([*part(3.0), *maths("rrwr")])


def run(run_id: str, hour: int, **changes: object) -> QualityRun:
    return msgspec.structs.replace(RUN, id=run_id, started_at=f"2026-11-26T{hour}:00:00Z", **changes)


def places(runs: list[QualityRun], key: str) -> list[str]:
    return [run.id for run, _ in quality_trend(RUN, [(run, FIGURES) for run in runs], key)]


def test_the_oldest_run_stands_first() -> None:
    assert places([run("late", 15), run("early", 11), RUN], "pass_at_1") == ["one", "early", "late"]


def test_another_content_under_the_same_name_is_the_same_file() -> None:
    other = msgspec.structs.replace(RUN.model, sha256="ef" * 32, quantisation="Q8_0")
    assert places([RUN, run("rebuilt", 12, model=other)], "pass_at_1") == ["one", "rebuilt"]


def test_another_file_stays_out() -> None:
    other = msgspec.structs.replace(RUN.model, file="other.gguf")
    assert places([RUN, run("other", 12, model=other)], "pass_at_1") == ["one"]


def test_other_questions_stay_out_of_their_kind_alone() -> None:
    fewer = [
        msgspec.structs.replace(facts, items=5) if facts.kind == "maths" else facts
        for facts in RUN.collections
    ]
    runs = [RUN, run("short", 12, collections=fewer)]
    assert places(runs, "pass_at_1") == ["one"]
    assert places(runs, "perplexity") == ["one", "short"]


def test_another_seed_counts_where_replies_are_drawn() -> None:
    runs = [RUN, run("seed", 12, protocol=msgspec.structs.replace(RUN.protocol, seed=2))]
    assert places(runs, "pass_at_1") == ["one"]
    assert places(runs, "perplexity") == ["one", "seed"]
