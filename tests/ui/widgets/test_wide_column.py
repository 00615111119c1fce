"""A table's widest column in a wide and in a narrow window."""

import random
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QHelpEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QHeaderView, QLineEdit, QTableView, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from app.ui.base.theme import Theme
from app.ui.widgets.wide_column import MeasuredTable, WideColumn
from tests.support.waiting import wait_until

MOST_PX = 120


def make_table(qtbot: QtBot, text: str, spared: Sequence[int] = ()) -> QTableView:
    model = QStandardItemModel(1, 3)
    model.setItem(0, 0, QStandardItem(text))
    model.setItem(0, 1, QStandardItem("1,234.5"))
    model.setItem(0, 2, QStandardItem("1,234.5"))
    table = QTableView()
    table.setModel(model)
    model.setParent(table)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    WideColumn(table, 0, MOST_PX, lambda: spared)
    qtbot.addWidget(table)
    table.show()
    return table


def test_takes_the_room_that_is_left(qtbot: QtBot) -> None:
    table = make_table(qtbot, "SmolLM2-135M-Instruct")
    table.resize(900, 200)
    assert table.horizontalHeader().length() == table.viewport().width()
    assert table.columnWidth(0) > MOST_PX


def test_keeps_its_texts_and_scrolls_where_there_is_no_room(qtbot: QtBot) -> None:
    table = make_table(qtbot, "a name that is much longer than there is room for")
    table.resize(160, 200)
    assert table.columnWidth(0) == MOST_PX
    assert table.horizontalScrollBar().maximum() > 0
    table.resize(900, 200)
    assert table.columnWidth(0) > MOST_PX


def test_gives_some_pixels_rather_than_to_scroll(qtbot: QtBot) -> None:
    table = make_table(qtbot, "SmolLM2-135M")
    header = table.horizontalHeader()
    texts_px = table.sizeHintForColumn(0)
    beside_px = table.width() - table.viewport().width() + header.sectionSize(1) + header.sectionSize(2)
    table.resize(beside_px + texts_px - 3, 200)
    assert table.columnWidth(0) == texts_px - 3
    assert table.horizontalScrollBar().maximum() == 0


def test_short_texts_take_no_more_than_they_need(qtbot: QtBot) -> None:
    table = make_table(qtbot, "M")
    table.resize(60, 200)
    assert table.columnWidth(0) < MOST_PX


def test_columns_that_are_least_needed_are_left_out_before_anything_scrolls(qtbot: QtBot) -> None:
    table = make_table(qtbot, "Qwen", (2, 1))
    frame_px = table.width() - table.viewport().width()
    header = table.horizontalHeader()
    need_px = [max(table.sizeHintForColumn(at), header.sectionSizeHint(at)) for at in range(3)]
    for kept, hidden in ((3, []), (2, [2]), (1, [1, 2]), (3, [])):
        table.resize(sum(need_px[:kept]) + frame_px + 4, 200)
        assert [at for at in range(3) if table.isColumnHidden(at)] == hidden
        assert table.horizontalScrollBar().maximum() == 0


def test_a_long_title_comes_and_goes_once(qtbot: QtBot) -> None:
    table = make_table(qtbot, "Qwen", (2,))
    table.model().setHeaderData(2, Qt.Orientation.Horizontal, "A title longer than figures")
    changes: list[int] = []
    table.horizontalHeader().sectionResized.connect(lambda *_: changes.append(1))
    need_px = [table.horizontalHeader().sectionSizeHint(at) for at in range(3)]
    table.resize(table.sizeHintForColumn(0) + sum(need_px[1:]) - 20, 200)
    assert table.isColumnHidden(2)
    changes.clear()
    for _ in range(20):
        QApplication.processEvents()
    assert table.isColumnHidden(2)
    assert len(changes) <= 3
    table.resize(900, 200)
    assert not table.isColumnHidden(2)


def test_a_column_that_its_owner_hides_stays_hidden(qtbot: QtBot) -> None:
    table = make_table(qtbot, "Qwen", (2,))
    table.setColumnHidden(1, True)
    for width in (60, 900):
        table.resize(width, 200)
        assert table.isColumnHidden(1)
    assert not table.isColumnHidden(2)


def test_other_columns_are_left_out_as_soon_as_cells_change(qtbot: QtBot) -> None:
    spared = [2]
    table = make_table(qtbot, "Qwen", spared)
    need_px = [
        max(table.sizeHintForColumn(at), table.horizontalHeader().sectionSizeHint(at)) for at in (0, 1)
    ]
    table.resize(sum(need_px) + table.width() - table.viewport().width() + 4, 200)
    assert [table.isColumnHidden(at) for at in (1, 2)] == [False, True]
    spared[:] = [1]
    table.model().setData(table.model().index(0, 0), "Qwem")
    qtbot.wait_until(lambda: [table.isColumnHidden(at) for at in (1, 2)] == [True, False])
    assert table.horizontalScrollBar().maximum() == 0


class Counted(QStandardItemModel):
    """Counts how often a cell is measured."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(30, 3, parent)
        self.measured = 0
        for row in range(30):
            for column in range(3):
                self.setItem(row, column, QStandardItem(f"cell {row} {column}"))

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        # What a delegate asks for first.
        self.measured += role == Qt.ItemDataRole.SizeHintRole
        return super().data(index, role)


def counted(qtbot: QtBot, table: QTableView) -> int:
    """The cells that are measured when a window becomes narrow and wide again."""
    qtbot.addWidget(table)
    model = Counted(table)
    table.setModel(model)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    WideColumn(table, 0, MOST_PX, lambda: (2, 1))
    table.resize(900, 2000)
    table.show()
    qtbot.waitExposed(table)
    for width in (100, 900, 200, 900):
        table.resize(width, 2000)
        QApplication.processEvents()
    return model.measured


def test_a_table_that_remembers_measures_less(qtbot: QtBot) -> None:
    assert counted(qtbot, MeasuredTable()) < counted(qtbot, QTableView()) / 3


def test_what_changes_is_measured_anew(qtbot: QtBot) -> None:
    table = MeasuredTable()
    counted(qtbot, table)
    model = table.model()
    assert isinstance(model, Counted)
    before, measured = table.sizeHintForColumn(1), model.measured
    assert table.sizeHintForColumn(1) == before
    assert model.measured == measured
    model.setItem(3, 1, QStandardItem("a cell that is much longer than the others"))
    assert table.sizeHintForColumn(1) > before


def test_other_colours_let_nothing_be_measured(qtbot: QtBot) -> None:
    table = MeasuredTable()
    counted(qtbot, table)
    model = table.model()
    assert isinstance(model, Counted)
    table.sizeHintForColumn(1)
    measured = model.measured
    model.item(3, 1).setForeground(QColor("red"))
    table.sizeHintForColumn(1)
    assert model.measured == measured


def test_a_style_with_other_colours_only_lets_nobody_measure(qtbot: QtBot) -> None:
    table = MeasuredTable()
    table.setStyleSheet("QTableView { color: black; font-size: 12px; } QTableView::item { padding: 3px; }")
    counted(qtbot, table)
    told: list[bool] = []
    table.restyled.connect(lambda: told.append(True))
    wide = [table.sizeHintForColumn(column) for column in range(3)]
    table.setStyleSheet("QTableView { color: white; font-size: 12px; } QTableView::item { padding: 3px; }")
    assert [table.sizeHintForColumn(column) for column in range(3)] == wide
    assert not told
    for larger in (
        "font-size: 24px; } QTableView::item { padding: 3px",
        "} QTableView::item { padding: 30px",
    ):
        told.clear()
        table.setStyleSheet(f"QTableView {{ color: white; {larger}; }}")
        assert told
        assert all(table.sizeHintForColumn(column) > wide[column] for column in range(3))


def test_columns_are_as_wide_as_qt_makes_them(qtbot: QtBot) -> None:
    draw = random.Random(3)
    model = QStandardItemModel(300, 4)
    for row in range(300):
        for column in range(4):
            text = "".join(draw.choices("WMil .,中文字0123", k=draw.randrange(1, 30)))
            model.setItem(row, column, QStandardItem(text if column else str(row)))
    ours, qts = MeasuredTable(), QTableView()
    for table in (ours, qts):
        table.setModel(model)
        table.horizontalHeader().setResizeContentsPrecision(40)
        table.setStyleSheet("QTableView::item { padding: 3px 9px; }")
        table.resize(700, 260)
        qtbot.addWidget(table)
        table.show()
    for number in range(4):
        for table in (ours, qts):
            table.setShowGrid(number % 2 == 0)
            table.scrollTo(model.index(70 * number, 0), QTableView.ScrollHint.PositionAtTop)
        found = [[each.sizeHintForColumn(column) for column in range(4)] for each in (ours, qts)]
        assert found[0] == found[1]


def test_an_empty_table_is_as_wide_as_qt_makes_it(qtbot: QtBot) -> None:
    table = MeasuredTable()
    qtbot.addWidget(table)
    assert table.sizeHintForColumn(0) == QTableView().sizeHintForColumn(0)
    table.setModel(QStandardItemModel(0, 2, table))
    other = QTableView()
    qtbot.addWidget(other)
    other.setModel(QStandardItemModel(0, 2, other))
    assert table.sizeHintForColumn(1) == other.sizeHintForColumn(1)


def ring_colour(table: QTableView, row: int) -> QColor:
    """The colour at the foot of a row, where its ring would be."""
    y = table.rowViewportPosition(row) + table.rowHeight(row) - 1
    return table.viewport().grab().toImage().pixelColor(table.viewport().width() // 2, y)


def test_what_a_cell_has_no_room_for_is_its_tip(qtbot: QtBot) -> None:
    model = QStandardItemModel(1, 3)
    for column, text in enumerate(
        ("a name that is much longer than there is room for", "short", "told " * 9)
    ):
        model.setItem(0, column, QStandardItem(text))
    model.item(0, 2).setToolTip("what it means")
    table = MeasuredTable()
    table.setModel(model)
    qtbot.addWidget(table)
    table.resize(400, 200)
    table.show()
    tips = []
    for column in range(3):
        table.setColumnWidth(column, 100)
        place = table.visualRect(model.index(0, column)).center()
        asked = QHelpEvent(QEvent.Type.ToolTip, place, table.viewport().mapToGlobal(place))
        QApplication.sendEvent(table.viewport(), asked)
        tips.append(QToolTip.text())
        QToolTip.hideText()
        wait_until(lambda: not QToolTip.isVisible())
    assert "much longer" in tips[0]
    assert "short" not in tips[1]
    assert "what it means" in tips[2]


def test_the_row_that_the_keyboard_has_is_ringed(qtbot: QtBot, theme: Theme) -> None:
    frame = QWidget()
    field, table = QLineEdit(frame), MeasuredTable(frame)
    model = QStandardItemModel(3, 2, table)
    table.setModel(model)
    table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    table.setGeometry(0, 40, 400, 200)
    qtbot.addWidget(frame)
    frame.show()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    table.selectRow(1)
    accent = theme.colour("accent")
    assert ring_colour(table, 1) != accent
    table.setFocus(Qt.FocusReason.TabFocusReason)
    assert ring_colour(table, 1) == accent
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert ring_colour(table, 2) == accent
    assert ring_colour(table, 1) != accent
    place = table.visualRect(model.index(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert ring_colour(table, 0) != accent, "who clicks sees where"
