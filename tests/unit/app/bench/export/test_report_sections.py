"""The newest quality run and drift check in a speed report."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.bench.drift.store import DriftStore
from app.bench.export.report_sections import FurtherSections
from app.bench.quality.result import CollectionFacts, ItemResult, Protocol, QualityRun
from app.bench.quality.store import QualityStore
from app.bench.report.html_report import report_to_html
from app.bench.report.markdown import report_to_markdown
from app.engine.protocol import Sampling
from tests.support.bench_reports import make_report
from tests.support.golden_runs import BASE, run, several

REPORT = make_report()
RUN = QualityRun(
    id="quality-1",
    started_at="2026-11-26T10:00:00Z",
    stillroom_version="0.1.0",
    protocol=Protocol(sampling=Sampling(), seed=1, max_tokens=4096),
    collections=[
        CollectionFacts(
            kind="maths",
            name="Made-up maths",
            licence="CC0-1.0",
            source="built in",
            sha256="cd" * 32,
            items=2,
        )
    ],
    machine=REPORT.machine,
    model=REPORT.model,
)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[QualityStore, DriftStore]]:
    quality, drift = QualityStore(tmp_path / "quality.sqlite3"), DriftStore(tmp_path / "drift.sqlite3")
    yield quality, drift
    quality.close()
    drift.close()


def test_what_was_never_measured_has_no_section(stores: tuple[QualityStore, DriftStore]) -> None:
    assert FurtherSections(*stores)(REPORT.model.sha256) == []


def test_an_ended_quality_run_and_a_check_are_told(stores: tuple[QualityStore, DriftStore]) -> None:
    quality, drift = stores
    quality.begin(RUN, "key")
    for place, verdict in enumerate(("right", "wrong", "does_not_fit")):
        quality.add(
            RUN.id,
            msgspec.convert({"id": f"maths/{place}", "kind": "maths", "verdict": verdict}, ItemResult),
        )
    sections = FurtherSections(quality, drift)
    assert sections(REPORT.model.sha256) == []  # not ended yet
    quality.end(RUN.id, "2026-11-26T11:00:00Z")
    drift.add(BASE)
    drift.add(run("now", several(), "2026-11-27T10:00:00Z"))
    found = sections(REPORT.model.sha256)
    assert [section.key for section in found] == ["quality", "drift"]
    share = found[0].figures[0]
    assert (share.value, share.unit, share.n, share.protocol) == (50.0, "%", 2, "not conclusive")
    assert ": 1" in found[0].not_measured[0]
    assert (found[1].figures[0].value, found[1].figures[0].n) == (100.0, 8)
    report = msgspec.structs.replace(REPORT, sections=found)
    for text in (report_to_markdown(report), report_to_html(report)):
        assert "Quality" in text
        assert "Made-up maths" in text
        assert "token for token" in text
