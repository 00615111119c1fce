"""The mouse wheel scrolls a page, whatever field it comes over."""

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QWidget
from pytestqt.qtbot import QtBot

import app.ui
from app.ui.widgets.wheel_proof import ComboBox, DoubleSpinBox, Slider, SpinBox


def turn_wheel(over: QWidget) -> bool:
    """Towards the user, by one notch; tell whether nobody took it, so that Qt gives it to the page around."""
    place, none = QPointF(over.rect().center()), QPoint()
    turned = QWheelEvent(
        place,
        over.mapToGlobal(place),
        none,
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(over, turned)
    return not turned.isAccepted()


@pytest.mark.parametrize("kind", [ComboBox, SpinBox, DoubleSpinBox, Slider])
def test_the_wheel_changes_no_field(kind: type[QWidget], qtbot: QtBot) -> None:
    field = Slider(Qt.Orientation.Horizontal) if kind is Slider else kind()
    assert field.focusPolicy() == Qt.FocusPolicy.StrongFocus
    qtbot.addWidget(field)
    if isinstance(field, QComboBox):
        field.addItems(["one", "two", "three"])
        field.setCurrentIndex(1)
    else:
        field.setProperty("value", 50)
    field.show()
    field.setFocus()
    before = _shown(field)
    assert turn_wheel(field)
    assert _shown(field) == before


def _shown(field: QWidget) -> object:
    if isinstance(field, QComboBox):
        return field.currentText()
    assert isinstance(field, QAbstractSpinBox | QAbstractSlider)
    return field.property("value")


def test_there_is_no_other_field() -> None:
    bare = re.compile(r"(?<![\w.])Q(ComboBox|SpinBox|DoubleSpinBox|Slider|Dial)\(")
    folder = Path(next(iter(app.ui.__path__)))
    assert [str(file) for file in folder.rglob("*.py") if bare.search(file.read_text("utf-8"))] == []
