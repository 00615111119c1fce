"""The base of the tables of all runs of a kind."""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from PySide6.QtCore import QObject

from app.ui.widgets.rows_model import RowsModel

WHEN, MODEL = range(2)
"""The columns that each of these tables begins with."""
NOTHING = ("", "–")
"""The text of a cell without a value."""


class Run(Protocol):
    """A row that can be found and ordered."""

    @property
    def id(self) -> str:
        """No other run has it."""

    @property
    def started_at(self) -> str:
        """ISO 8601 in UTC."""


AnyRun = TypeVar("AnyRun", bound=Run)


class RunsModel(RowsModel[AnyRun], Generic[AnyRun]):
    """A row a run; GUI thread."""

    least_needed: tuple[int, ...] = ()
    """The columns that a narrow window leaves out, the first one first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._spared: list[int] | None = None
        for changed in (self.modelReset, self.dataChanged):
            changed.connect(self._on_changed)

    def show_runs(self, runs: Sequence[AnyRun]) -> None:
        """Show these."""
        self._set_rows(runs)

    def spared(self) -> list[int]:
        """Return the columns that are left out where there is no room: first those with nothing in them."""
        if self._spared is None:
            empty = [
                number
                for number, column in reversed(list(enumerate(self._columns)))
                if number > MODEL and all(column.text(run) in NOTHING for run in self._rows)
            ]
            self._spared = [*empty, *(column for column in self.least_needed if column not in empty)]
        return self._spared

    def _on_changed(self, *_: object) -> None:
        self._spared = None

    def row_of(self, run_id: str) -> int | None:
        """The row of a run, None where it is not there."""
        return next((row for row, run in enumerate(self._rows) if run.id == run_id), None)
