"""The model list as a table."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.ui.fit_text import fit_text, speed_text, speed_tip, verdict_text
from app.ui.tables.model_rows import ModelRow
from app.ui.theme import Theme
from models.fit import Verdict
from models.wording import byte_count

Index = QModelIndex | QPersistentModelIndex

MODEL, ON_DISK, SIZE, SCORE, HERE = range(5)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class ModelsTable(QAbstractTableModel):
    """One row for each model; GUI thread."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[ModelRow] = []
        theme.changed.connect(self._on_theme_changed)

    def show_rows(self, rows: list[ModelRow]) -> None:
        """Take new rows; the selection survives while the models stay the same."""
        if [row.key for row in rows] == [row.key for row in self._rows]:
            self._rows = rows
            self._on_theme_changed()
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def row(self, number: int) -> ModelRow:
        """The model in row `number`."""
        return self._rows[number]

    def number_of(self, key: str) -> int:
        """The row of the model `key`, -1 where it is not listed."""
        return next((number for number, row in enumerate(self._rows) if row.key == key), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """One row for each model."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """Model, on disk, size, score, here."""
        return 0 if parent.isValid() else 5

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' titles."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            titles = (
                self.tr("Model"),
                self.tr("On disk"),
                self.tr("Size"),
                self.tr("AIME 2024"),
                self.tr("On this PC"),
            )
            return titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section in (SIZE, SCORE) else _LEFT
        if role == Qt.ItemDataRole.ToolTipRole and section == SCORE:
            return self.tr("Published share of the AIME 2024 problems that are solved at the first try.")
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, colour and explanation of a cell."""
        row = self._rows[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column in (SIZE, SCORE) else _LEFT
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._theme.colour(self._colour(row, column))
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.headerData(column, Qt.Orientation.Horizontal)}: {self._text(row, column)}"
        return None

    def _text(self, row: ModelRow, column: int) -> str:
        match column:
            case 0:
                return row.title
            case 1:
                kinds = [file.type for file in row.installed]
                if row.getting:
                    kinds.append(self.tr("getting…"))
                return ", ".join(kinds)
            case 2:
                if row.installed:
                    return byte_count(sum(file.bytes for file in row.installed))
                if row.model is None or not row.model.thinks:
                    return ""
                return self.tr("{size} to get").format(size=byte_count(row.model.checkpoint_bytes))
            case 3:
                score = row.model.scores.aime24 if row.model is not None else None
                return f"{score:.1f}%" if score is not None else ""
        if row.loaded_type:
            return self.tr("Loaded")
        if row.outlook is None:
            return ""
        verdict = verdict_text(row.outlook.fit)
        if row.outlook.tok_per_s is None:
            return verdict
        return self.tr("{verdict} · {rate} tok/s").format(verdict=verdict, rate=speed_text(row.outlook))

    @staticmethod
    def _colour(row: ModelRow, column: int) -> str:
        if column == HERE and row.loaded_type:
            return "good"
        if column == SIZE and not row.installed:
            return "muted"
        if row.fit is not None and row.fit.verdict is Verdict.TOO_LARGE:
            return "muted"
        return "text"

    @staticmethod
    def _tip(row: ModelRow, column: int) -> str | None:
        if column == HERE and row.outlook is not None:
            return f"{fit_text(row.outlook.fit)} {speed_tip(row.outlook)}"
        if column == MODEL and row.model is not None:
            return row.model.name
        return None

    def _on_theme_changed(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, HERE))
