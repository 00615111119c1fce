"""The base of the tables of all runs of a kind."""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from app.ui.widgets.rows_model import RowsModel

WHEN, MODEL = range(2)
"""The columns that each of these tables begins with."""


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

    def show_runs(self, runs: Sequence[AnyRun]) -> None:
        """Show these."""
        self._set_rows(runs)

    def row_of(self, run_id: str) -> int | None:
        """The row of a run, None where it is not there."""
        return next((row for row, run in enumerate(self._rows) if run.id == run_id), None)
