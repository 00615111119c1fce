"""Further sections of a speed report: the newest quality run and drift check of the same file."""

from app.bench.drift.comparison import compare_golden, runs_between
from app.bench.drift.store import DriftStore
from app.bench.drift.words import drift_lines
from app.bench.quality.figures import Figure, quality_report
from app.bench.quality.store import QualityStore
from app.bench.quality.words import figure_label, protocol_text
from app.bench.results.report import Section, SectionFigure


class FurtherSections:
    """Makes the sections from what is kept; any thread. Raises `StillroomError`."""

    def __init__(self, quality: QualityStore, drift: DriftStore) -> None:
        self._quality = quality
        self._drift = drift

    def __call__(self, sha256: str) -> list[Section]:
        """Those that there is something to tell for, of a file with that content."""
        found = (self._quality_section(sha256), self._drift_section(sha256))
        return [section for section in found if section is not None]

    def _quality_section(self, sha256: str) -> Section | None:
        run = next((run for run, ended in self._quality.runs() if ended and run.model.sha256 == sha256), None)
        if run is None:
            return None
        report = quality_report(run, self._quality.results(run.id), finished=True)
        sources = "; ".join(f"{facts.name} ({facts.licence})" for facts in run.collections)
        left_out = [f"items that do not fit into the context: {report.left_out}"] if report.left_out else []
        return Section(
            key="quality",
            title="Quality",
            protocol=f"{run.started_at}. {protocol_text(run)} {sources}.",
            figures=[_figure(figure) for figure in report.figures],
            not_measured=left_out,
        )

    def _drift_section(self, sha256: str) -> Section | None:
        newest = self._drift.newest_of_content(sha256)
        if newest is None or newest.is_baseline:
            return None
        history = self._drift.history(newest.baseline_id)
        if not history:
            return None
        report = compare_golden(history[0], runs_between(history, newest), newest)
        _, *sentences = drift_lines(report)
        n = len(report.items)
        same = n - len(report.moved_items)
        return Section(
            key="drift",
            title="Drift",
            protocol=" ".join(sentence.strip() for sentence in sentences[:2]),
            # Of other questions than before none is the same, and none another.
            figures=[
                SectionFigure(name="Golden answers that are the same", value=100 * same / n, unit="%", n=n)
            ]
            if n
            else [],
        )


def _figure(figure: Figure) -> SectionFigure:
    is_share = figure.unit == "share"
    factor = 100.0 if is_share else 1.0
    return SectionFigure(
        name=figure_label(figure.key),
        value=factor * figure.value,
        unit="%" if is_share else figure.unit,
        low=None if figure.low is None else factor * figure.low,
        high=None if figure.high is None else factor * figure.high,
        n=figure.n,
        protocol="" if figure.conclusive else "not conclusive",
    )
