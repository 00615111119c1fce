"""Runs side by side in a wide and in a narrow window."""

import re
from itertools import combinations

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.ui.benchmark.frame.comparison_grid import ComparisonGrid, GridCell, GridRow

HEADS = (
    "stillroom/starter-checkpoint Q8_0\n11/18/26 9:30 AM",
    "SmolLM2-135M-Instruct Q4_1\n11/28/26 12:18 AM",
)
SCATTER = "not conclusive: the repeats scatter too much"
ROWS = (
    GridRow("Load time", "288 ± 305 ms", [GridCell("288 ± 305 ms", "+0.0%", SCATTER, "warning")]),
    GridRow(
        "Between two tokens, 99% at most",
        "1,517 ± 47 tok/s",
        [GridCell("1,517 ± 47 tok/s", "+49.9%", "better", "good")],
    ),
)


def is_whole(grid: ComparisonGrid) -> bool:
    """Tell whether each label is in sight, on no other one, and has the room that its words need."""
    page, seen = grid.widget(), grid.viewport().rect()
    labels = page.findChildren(QLabel)
    rooms = [QRect(made.mapTo(page, QPoint(0, 0)), made.size()) for made in labels]
    return not any(one.intersects(other) for one, other in combinations(rooms, 2)) and all(
        seen.contains(room)
        and made.width() >= made.minimumSizeHint().width()
        and made.height() >= made.heightForWidth(made.width())
        for made, room in zip(labels, rooms, strict=True)
    )


@pytest.mark.parametrize("width", [1600, 960, 700])
def test_all_of_two_runs_is_seen_without_scrolling(qtbot: QtBot, width: int) -> None:
    grid = ComparisonGrid()
    qtbot.addWidget(grid)
    grid.resize(width, 400)
    grid.show_rows(HEADS, ROWS)
    grid.show()
    qtbot.wait_until(lambda: grid.viewport().width() == width and is_whole(grid))
    assert grid.horizontalScrollBar().maximum() == 0


def test_words_are_broken_only_where_there_is_no_room(qtbot: QtBot) -> None:
    grid = ComparisonGrid()
    qtbot.addWidget(grid)
    grid.resize(700, 400)
    grid.show_rows(HEADS, ROWS)
    grid.show()
    narrow_px = grid.height()
    grid.resize(1600, 400)
    qtbot.wait_until(lambda: grid.height() < narrow_px)
    assert not any(made.wordWrap() for made in grid.widget().findChildren(QLabel))


CHINESE = "在波动范围内", "无法下结论：多次测量过于分散"


def test_a_narrow_column_breaks_no_word(qtbot: QtBot) -> None:
    grid = ComparisonGrid()
    qtbot.addWidget(grid)
    grid.resize(520, 400)
    cells = [GridCell("1,517 ± 47 词元/秒", "+49.9%", verdict, "muted") for verdict in (*CHINESE, "faster")]
    rows = [GridRow("两个词元之间的间隔，越小越好", "1,517 ± 47 词元/秒", [cell]) for cell in cells]
    grid.show_rows(HEADS, rows)
    grid.show()
    qtbot.wait_until(lambda: is_whole(grid))
    shown = {made.text(): made for made in grid.widget().findChildren(QLabel)}
    for text in (*CHINESE, "faster", "两个词元之间的间隔，越小越好"):
        made = shown[text]
        assert made.wordWrap()
        phrases = re.findall(r"\w+", text)
        shortest = [phrase for phrase in phrases if len(phrase) <= 8]
        widest_px = max(made.fontMetrics().horizontalAdvance(phrase) for phrase in shortest)
        assert made.width() >= widest_px, text


def test_a_verdict_gets_the_room_that_columns_leave_between_them(qtbot: QtBot) -> None:
    grid = ComparisonGrid()
    qtbot.addWidget(grid)
    grid.resize(612, 400)
    grid.show_rows(HEADS, ROWS)
    grid.show()
    qtbot.wait_until(lambda: is_whole(grid))
    [verdict] = [made for made in grid.widget().findChildren(QLabel) if made.text() == SCATTER]
    assert verdict.heightForWidth(verdict.width()) <= 3 * verdict.fontMetrics().lineSpacing()
