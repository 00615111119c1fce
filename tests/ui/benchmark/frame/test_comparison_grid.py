"""Runs side by side in a wide and in a narrow window."""

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
