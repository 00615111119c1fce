"""Escape for a dialog that the desktop has not given the keyboard yet."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit, QMessageBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.ui.base.file_dialogs import FileDialog
from app.ui.widgets.early_keys import EarlyEscape
from tests.support.waiting import wait_until


def file_dialog(parent: QWidget) -> QDialog:
    dialog = FileDialog(parent, "Open")
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    return dialog


def question(parent: QWidget) -> QDialog:
    box = QMessageBox(parent)
    box.setStandardButtons(QMessageBox.StandardButton.Open | QMessageBox.StandardButton.Cancel)
    return box


def form(parent: QWidget) -> QDialog:
    dialog = QDialog(parent)
    QVBoxLayout(dialog).addWidget(QLineEdit())
    return dialog


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    """A window that has the keyboard, with a use of its own for Escape."""
    window = QWidget()
    qtbot.addWidget(window)
    EarlyEscape(window)
    QShortcut(Qt.Key.Key_Escape, window)
    window.show()
    window.activateWindow()
    wait_until(window.isActiveWindow)
    return window


def open_behind(dialog: QDialog) -> QDialog:
    """Open a dialog as a desktop does that gives it the keyboard late."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    dialog.open()
    assert dialog.isVisible()
    assert not dialog.isActiveWindow()
    return dialog


@pytest.mark.parametrize("make", [file_dialog, question, form])
def test_it_closes_a_dialog_before_that_has_the_keyboard(
    window: QWidget, make: Callable[[QWidget], QDialog]
) -> None:
    dialog = open_behind(make(window))
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_it_closes_a_dialog_over_another_one(window: QWidget) -> None:
    below = form(window)
    below.open()
    below.activateWindow()
    wait_until(below.isActiveWindow)
    above = open_behind(question(below))
    QTest.keyClick(below.windowHandle(), Qt.Key.Key_Escape)
    assert not above.isVisible()
    assert below.isVisible()
    QTest.keyClick(below.windowHandle(), Qt.Key.Key_Escape)
    assert not below.isVisible()


class Asked(QDialog):
    """Counts how often Escape was pressed in it, and stays open."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.escapes = 0

    def reject(self) -> None:
        self.escapes += 1


def test_a_dialog_says_itself_what_it_means(window: QWidget) -> None:
    dialog = Asked(window)
    open_behind(dialog)
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Escape)
    assert dialog.escapes == 1
    dialog.activateWindow()
    wait_until(dialog.isActiveWindow)
    QTest.keyClick(dialog.windowHandle(), Qt.Key.Key_Escape)
    assert dialog.escapes == 2
