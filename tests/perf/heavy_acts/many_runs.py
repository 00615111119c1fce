"""A Benchmark tab with 200 measurements, 50 quality runs and 20 checks for drift."""

import random
from itertools import pairwise

import msgspec
from PySide6.QtWidgets import QTableView

from app.bench.drift.golden import golden_set
from app.bench.drift.store import DriftStore
from app.bench.quality.result import ItemResult
from app.bench.quality.store import QualityStore
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import report_from_json
from app.bootstrap import StillroomCore
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.widgets.filtered_table import FilteredTable
from models.catalogue.starter import starter_file
from tests.perf.heavy_acts.desk import Act, Desk, Place
from tests.support.cli import ROOT
from tests.support.golden_runs import run as golden_run
from tests.support.golden_runs import several
from tests.unit.app.bench.quality.test_comparison import RUN, maths, part, solved, talks

MEASUREMENTS, QUALITY_RUNS, CHECKS, ITEMS = 200, 50, 20, 250
TYPES = ("Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")


def prepare(core: StillroomCore) -> None:
    """Keep runs of five files in turn."""
    draw = random.Random(7)
    real = report_from_json((ROOT / "docs" / "benchmark" / "starter.json").read_bytes())
    history = BenchmarkHistory(core.paths.benchmarks)
    for number in range(MEASUREMENTS):
        kind = TYPES[number % len(TYPES)]
        facts = msgspec.structs.replace(real.model, quantisation=kind, sha256=f"{number % len(TYPES):064x}")
        share = draw.uniform(0.9, 1.1)
        measures = [
            msgspec.structs.replace(
                each,
                mean=each.mean * share,
                samples=[msgspec.structs.replace(one, value=one.value * share) for one in each.samples],
            )
            for each in real.measures
        ]
        at = f"2026-{1 + number // 28:02}-{1 + number % 28:02}T09:30:00Z"
        history.add(
            msgspec.structs.replace(real, id=f"run-{number}", started_at=at, model=facts, measures=measures)
        )
    history.close()
    runs = QualityStore(core.paths.quality)
    for number in range(QUALITY_RUNS):
        facts = msgspec.structs.replace(real.model, quantisation=TYPES[number % len(TYPES)])
        at = f"2026-{1 + number // 28:02}-{1 + number % 28:02}T10:00:00Z"
        run = msgspec.structs.replace(RUN, id=f"quality-{number}", started_at=at, model=facts)
        runs.begin(run, run.id)
        for result in _results(draw):
            runs.add(run.id, result)
        runs.end(run.id, at)
    runs.close()
    starter = starter_file()
    assert starter is not None
    checks = DriftStore(core.paths.drift)
    for number in range(CHECKS):
        text = " ".join(draw.choices("abcdef", k=80))
        answers = [
            msgspec.structs.replace(answer, id=question.id, question=question.text)
            for answer, question in zip(several(text=text), golden_set(), strict=True)
        ]
        made = golden_run(f"drift-{number}", answers, f"2026-11-{1 + number:02}T12:00:00Z")
        checks.add(msgspec.structs.replace(made, path=str(starter), name="Starter", baseline_id="drift-0"))
    checks.close()


def _results(draw: random.Random) -> list[ItemResult]:
    [answered] = solved(412)
    turns = [msgspec.structs.replace(each, answer="Because it is so. " * 120) for each in answered.turns]
    asked = [
        msgspec.structs.replace(each, turns=turns) for each in maths("".join(draw.choices("rw", k=ITEMS)))
    ]
    return [*asked, *talks(*(draw.random() for _ in range(40))), *part(3 + draw.random())]


def acts(desk: Desk) -> dict[str, Act]:
    """Look at the runs of each page."""

    def quality() -> QualityPage:
        found = desk.window.findChild(QualityPage)
        assert found is not None
        return found

    def items() -> FilteredTable:
        found = quality().findChild(FilteredTable)
        assert found is not None
        return found

    def filter_items(text: str) -> None:
        items().field.setText(text)

    def speed_history(row: int) -> None:
        view = desk.benchmark("speed").speed.findChild(QTableView)
        assert view is not None
        view.selectRow(row)

    return {
        "benchmark, first": lambda: desk.click("Benchmark"),
        "benchmark, another run": lambda: speed_history(20),
        "benchmark, sorted": lambda: desk.sort(desk.benchmark("speed").speed),
        "benchmark, five compared": lambda: desk.compare(desk.benchmark("speed").speed, 5),
        "benchmark, read again": lambda: desk.benchmark("speed").speed.refresh(),
        "benchmark, theme": lambda: desk.change(theme="dark"),
        "benchmark, theme back": lambda: desk.change(theme="light"),
        "quality, first": lambda: desk.click("Quality"),
        "quality, another run": lambda: quality().refresh("quality-12"),
        "quality, sorted": lambda: desk.sort(quality()),
        "quality, items sorted": lambda: items().view.sortByColumn(
            1, items().view.horizontalHeader().sortIndicatorOrder()
        ),
        "quality, items filtered": lambda: filter_items("maths/1"),
        "quality, filter cleared": lambda: filter_items(""),
        "quality, an item": lambda: items().view.selectRow(3),
        "quality, five compared": lambda: desk.compare(quality(), 5),
        "drift, first": lambda: desk.click("Drift"),
        "chat": lambda: desk.window.show_page("chat"),
        "benchmark, again": lambda: desk.benchmark("speed"),
    }


assert all(first != second for first, second in pairwise(TYPES))
PLACE = Place(prepare, acts)
