"""Cells of the model list that are too narrow for their text."""

import pytest
from PySide6.QtGui import QFontMetrics, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QTableView, QWidget
from pytestqt.qtbot import QtBot

from app.ui.base.theme import Theme
from app.ui.models.list.elided_parts_delegate import DOT, ElidedPartsDelegate

COMMA = ", "
HERE = "up to 17 tok/s · 3.1 GB · Runs on the processor"
ON_DISK = "Q3_K_M, Q4_K_S, Q4_K_M, Q8_0"


@pytest.mark.parametrize(
    ("text", "joint", "seen"),
    [
        (HERE, DOT, HERE),
        (HERE, DOT, "up to 17 tok/s · 3.1 GB"),
        (HERE, DOT, "up to 17 tok/s"),
        (ON_DISK, COMMA, ON_DISK),
        (ON_DISK, COMMA, "Q3_K_M, Q4_K_S +2"),
        (ON_DISK, COMMA, "Q3_K_M +3"),
        ("Q8_0", COMMA, "Q8_0"),
        ("", COMMA, ""),
    ],
)
def test_a_text_ends_with_a_whole_part(
    text: str, joint: str, seen: str, qapp: QApplication, qtbot: QtBot
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    metrics = QFontMetrics(parent.font())
    delegate = ElidedPartsDelegate(joint, parent, counts=joint == COMMA)
    assert delegate.fitting(text, metrics, metrics.horizontalAdvance(seen) + 1) == seen


def test_in_a_column_as_wide_as_its_widest_text_all_are_whole(qtbot: QtBot, theme: Theme) -> None:
    """Of some widths half a pixel was missing, and a whole part of the widest text was left out."""
    drawn: list[str] = []

    class Drawing(ElidedPartsDelegate):
        def fitting(self, text: str, metrics: QFontMetrics, room_px: int) -> str:
            drawn.append(super().fitting(text, metrics, room_px))
            return drawn[-1]

    view = QTableView()
    qtbot.addWidget(view)
    view.setWordWrap(False)
    for memory in range(40):
        texts = [
            f"about {memory}.7 tok/s · 1{memory}.3 GB · Runs on the processor",
            f"up to {memory} tok/s · {memory} GB",
        ]
        for order in (texts, texts[::-1]):
            model = QStandardItemModel()
            for text in order:
                model.appendRow(QStandardItem(text))
            view.setModel(model)
            view.setItemDelegate(Drawing(DOT, view))
            view.setColumnWidth(0, view.sizeHintForColumn(0))
            view.resize(600, 200)
            drawn.clear()
            view.grab()
            assert set(drawn) == set(texts)
