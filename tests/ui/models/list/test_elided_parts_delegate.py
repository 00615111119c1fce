"""Cells of the model list that are too narrow for their text."""

import pytest
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

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
