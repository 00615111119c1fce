"""The base of the read-only tables."""

from dataclasses import dataclass

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QAbstractItemModelTester, QSignalSpy

from app.ui.widgets.filtered_table import SORT_ROLE
from app.ui.widgets.rows_model import ROW_ROLE, Column, RowsModel


@dataclass(frozen=True)
class Fruit:
    name: str
    weight_g: int


PEAR, FIG = Fruit("pear", 180), Fruit("fig", 40)


class Fruits(RowsModel[Fruit]):
    def __init__(self) -> None:
        super().__init__()
        self._columns = (
            Column("Name", lambda fruit: fruit.name),
            Column(
                "Weight",
                lambda fruit: f"{fruit.weight_g} g",
                figures=True,
                explanation="Of one",
                sort=lambda fruit: fruit.weight_g,
            ),
        )

    def show(self, *fruits: Fruit) -> None:
        self._renew_rows(fruits)

    def watch_rows(self) -> list[object]:
        looked: list[object] = []

        class Rows(list[Fruit]):
            def __getitem__(self, number: object) -> Fruit:  # type: ignore[override]
                looked.append(number)
                return super().__getitem__(number)  # type: ignore[index,return-value]

        self._rows = Rows(self._rows)
        return looked

    def _tip(self, row: Fruit, column: int) -> str | None:
        return f"a {row.name}" if column == 0 else None

    def _colour(self, row: Fruit, column: int) -> QColor | None:
        return QColor("red") if row.weight_g > 100 and column == 1 else None


class SpokenFruits(Fruits):
    says_titles = True


@pytest.fixture
def fruits(qapp: object) -> Fruits:
    table = Fruits()
    table.show(PEAR, FIG)
    return table


def test_qt_finds_no_fault_with_it(fruits: Fruits) -> None:
    QAbstractItemModelTester(fruits, QAbstractItemModelTester.FailureReportingMode.Fatal)
    fruits.show(FIG, PEAR)
    fruits.show()
    assert (fruits.rowCount(), fruits.columnCount()) == (0, 2)


def test_a_cell_answers_for_every_role(fruits: Fruits) -> None:
    name, weight = fruits.index(0, 0), fruits.index(0, 1)
    right, left = (
        side | Qt.AlignmentFlag.AlignVCenter
        for side in (Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignLeft)
    )
    assert (name.data(), weight.data()) == ("pear", "180 g")
    assert (name.data(SORT_ROLE), weight.data(SORT_ROLE)) == ("pear", 180)
    assert name.data(ROW_ROLE) is PEAR
    assert (
        fruits.data(name, Qt.ItemDataRole.TextAlignmentRole),
        fruits.data(weight, Qt.ItemDataRole.TextAlignmentRole),
    ) == (left, right)
    assert (name.data(Qt.ItemDataRole.ToolTipRole), weight.data(Qt.ItemDataRole.ToolTipRole)) == (
        "a pear",
        None,
    )
    assert weight.data(Qt.ItemDataRole.ForegroundRole) == QColor("red")
    assert fruits.index(1, 1).data(Qt.ItemDataRole.ForegroundRole) is None
    assert name.data(Qt.ItemDataRole.AccessibleTextRole) is None


def test_a_text_is_the_same_without_qt(fruits: Fruits) -> None:
    cells = [(row, column) for row in range(2) for column in range(2)]
    assert [fruits.text(*cell) for cell in cells] == [fruits.index(*cell).data() for cell in cells]


def test_the_header_has_titles_and_explanations(fruits: Fruits) -> None:
    across = Qt.Orientation.Horizontal
    assert [fruits.headerData(column, across) for column in range(2)] == ["Name", "Weight"]
    assert [fruits.headerData(column, across, Qt.ItemDataRole.ToolTipRole) for column in range(2)] == [
        None,
        "Of one",
    ]
    assert fruits.headerData(0, Qt.Orientation.Vertical) is None


def test_a_screen_reader_can_hear_the_title(qapp: object) -> None:
    table = SpokenFruits()
    table.show(FIG)
    assert table.index(0, 1).data(Qt.ItemDataRole.AccessibleTextRole) == "Weight: 40 g"


def test_rows_are_renewed_in_place_while_their_number_stays(fruits: Fruits) -> None:
    reset, changed = QSignalSpy(fruits.modelReset), QSignalSpy(fruits.dataChanged)
    fruits.show(FIG, PEAR)
    assert (reset.count(), changed.count()) == (0, 1)
    assert (changed.at(0)[0].row(), changed.at(0)[1].row(), changed.at(0)[1].column()) == (0, 1, 1)
    fruits.show(FIG)
    assert (reset.count(), changed.count()) == (1, 1)
    assert fruits.row(0) is FIG
    assert fruits.rowCount(fruits.index(0, 0)) == 0
    assert fruits.rowCount(QModelIndex()) == 1


def test_no_row_is_looked_up_for_what_no_row_knows() -> None:
    model = Fruits()
    model.show(PEAR, FIG)
    looked = model.watch_rows()
    for role in (Qt.ItemDataRole.FontRole, Qt.ItemDataRole.DecorationRole, Qt.ItemDataRole.SizeHintRole):
        assert model.data(model.index(0, 0), role) is None
    assert not looked
    assert model.data(model.index(0, 0)) == "pear"
    assert looked == [0]
