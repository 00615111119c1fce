"""The model list as a table."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor

from app.ui.base.resource_words import enumerated
from app.ui.base.theme import Theme
from app.ui.models.list.fit_text import fit_text, here_text, speed_tip
from app.ui.models.list.model_rows import ModelRow
from app.ui.widgets.rows_model import Column, RowsModel
from models.memory.fit import Verdict
from models.system.units import byte_count

MODEL, ON_DISK, SIZE, SCORE, HERE = range(5)


class ModelsTable(RowsModel[ModelRow]):
    """One row for each model; GUI thread."""

    says_titles = True

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._columns = (
            Column(self.tr("Model"), lambda row: row.title),
            Column(self.tr("On disk"), self._on_disk),
            Column(self.tr("Size"), self._size, figures=True),
            Column(
                self.tr("AIME 2024"),
                _score,
                figures=True,
                explanation=self.tr(
                    "How well it does mathematics: the published share of the problems of the AIME "
                    "2024 competition that it solves at the first try."
                ),
            ),
            Column(self.tr("On this PC"), self._here),
        )
        theme.changed.connect(self._recolour)

    def show_rows(self, rows: list[ModelRow]) -> None:
        """Take new rows; the selection survives while the models stay the same."""
        if [row.key for row in rows] == [row.key for row in self._rows]:
            self._renew_rows(rows)
        else:
            self._set_rows(rows)

    def number_of(self, key: str) -> int:
        """The row of the model `key`, -1 where it is not listed."""
        return next((number for number, row in enumerate(self._rows) if row.key == key), -1)

    def _on_disk(self, row: ModelRow) -> str:
        kinds = [file.type for file in row.installed]
        if row.getting:
            kinds.append(self.tr("getting…"))
        elif row.stopped:
            kinds.append(self.tr("stopped"))
        return enumerated(kinds)

    def _size(self, row: ModelRow) -> str:
        if row.installed:
            return byte_count(sum(file.bytes for file in row.installed))
        if row.model is None or not row.model.thinks:
            return ""
        return self.tr("{size} to get").format(size=byte_count(row.model.checkpoint_bytes))

    def _here(self, row: ModelRow) -> str:
        if row.loading is not None:
            return self.tr("Loading…")
        if row.loaded:
            return self.tr("Loaded")
        if row.failed_types:
            return self.tr("Could not be loaded: the reason is below")
        if row.outlook is None:
            return ""
        return here_text(row.outlook, named=True)

    def _colour(self, row: ModelRow, column: int) -> QColor:
        if column == HERE and row.loading is not None:
            return self._theme.colour("text")
        if column == HERE and row.loaded:
            return self._theme.colour("good")
        if column == HERE and row.failed_types:
            return self._theme.colour("danger")
        too_large = row.fit is not None and row.fit.verdict is Verdict.TOO_LARGE
        muted = too_large or (column == SIZE and not row.installed)
        return self._theme.colour("muted" if muted else "text")

    def _tip(self, row: ModelRow, column: int) -> str | None:
        if column == HERE and row.outlook is not None:
            return f"{fit_text(row.outlook.fit)} {speed_tip(row.outlook)}"
        if column == MODEL and row.model is not None:
            return row.model.name
        return None


def _score(row: ModelRow) -> str:
    score = row.model.scores.aime24 if row.model is not None else None
    return f"{score:.1f}%" if score is not None else ""
