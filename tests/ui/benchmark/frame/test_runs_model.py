"""The columns that a table of runs leaves out in a narrow window."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QApplication

from app.ui.benchmark.frame.runs_model import RunsModel
from app.ui.widgets.rows_model import Column


@dataclass(frozen=True)
class _Run:
    id: str
    started_at: str
    figures: Sequence[str]


class _Runs(RunsModel[_Run]):
    least_needed = (3, 2)

    def __init__(self) -> None:
        super().__init__()
        self._columns = (
            Column("When", lambda run: run.started_at),
            Column("Model", lambda run: run.id),
            *(Column(str(at), lambda run, at=at: run.figures[at]) for at in range(4)),
        )


def test_columns_without_a_value_are_left_out_first(qapp: QApplication) -> None:
    model = _Runs()
    model.show_runs([_Run("a", "1", ["1", "2", "–", ""]), _Run("b", "2", ["1", "–", "–", ""])])
    assert model.spared() == [5, 4, 3, 2]
    model.show_runs([_Run("a", "1", ["1", "2", "3", ""])])
    assert model.spared() == [5, 3, 2]
