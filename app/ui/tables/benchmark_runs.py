"""The history of benchmark runs as a table."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.bench.report import Measure, Report
from app.ui.tabs import benchmark_words as words

Index = QModelIndex | QPersistentModelIndex

SORT_ROLE = Qt.ItemDataRole.UserRole
REPORT_ROLE = Qt.ItemDataRole.UserRole + 1

WHEN, MODEL, GENERATION, PROMPT, FIRST_TOKEN, MEMORY, BACKEND, NOTES = range(8)


class BenchmarkRunsModel(QAbstractTableModel):
    """A row a run. `SORT_ROLE` gives plain values for a sorting proxy, `REPORT_ROLE` the whole report."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reports: list[Report] = []

    def set_reports(self, reports: list[Report]) -> None:
        """Show these runs."""
        self.beginResetModel()
        self._reports = list(reports)
        self.endResetModel()

    def row_of(self, run_id: str) -> int | None:
        """The row of a run, None where it is not there."""
        rows = (row for row, report in enumerate(self._reports) if report.id == run_id)
        return next(rows, None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """One row a run."""
        return 0 if parent.isValid() else len(self._reports)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        """The columns of the header."""
        return 0 if parent.isValid() else NOTES + 1

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Names above, aligned like their columns."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("When"),
            self.tr("Model"),
            self.tr("Generation, tok/s"),
            self.tr("Prompt, tok/s"),
            self.tr("First token, s"),
            self.tr("Memory, GiB"),
            self.tr("Back end"),
            self.tr("Notes"),
        )[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The cell for Qt's roles and ours."""
        report = self._reports[index.row()]
        column = index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(report, column)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(report, column)
            case _ if role == SORT_ROLE:
                return self._sort_value(report, column)
            case _ if role == REPORT_ROLE:
                return report
        return None

    def _text(self, report: Report, column: int) -> str:
        measure = _measure(report, column)
        if measure is not None:
            return f"{words.mean_text(measure)} {words.deviation_text(measure)}".strip()
        match column:
            case 0:
                return words.when_text(report)
            case 1:
                return f"{report.model.name} {report.model.quantisation}"
            case 6:
                return report.engine.backend
            case 7:
                return self.tr("disturbed") if report.marks else ""
        return "–"

    def _tip(self, report: Report, column: int) -> str:
        if column == NOTES:
            return "\n".join(words.mark_text(mark) for mark in report.marks)
        return report.model.file if column == MODEL else ""

    def _sort_value(self, report: Report, column: int) -> Any:
        measure = _measure(report, column)
        if measure is not None:
            return measure.mean
        if column == WHEN:
            return report.started_at
        return -1.0 if GENERATION <= column <= MEMORY else self._text(report, column).casefold()


def _measure(report: Report, column: int) -> Measure | None:
    match column:
        case 2:
            return report.generation
        case 3:
            return report.prompt
        case 4:
            return report.measure("first_token")
        case 5:
            return report.measure("peak_ram")
    return None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if GENERATION <= column <= MEMORY else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
