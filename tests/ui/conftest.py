"""What every test of the window leaves behind is gone before the next one begins."""

import gc
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from tests.support.chat_desk import desk, opened

__all__ = ["desk", "opened"]


@pytest.fixture(autouse=True)
def no_widgets_left() -> Iterator[None]:
    """Collect the widgets of the test: each new theme would go through all that are left."""
    yield
    gc.collect()
    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture(autouse=True)
def no_key_held() -> Iterator[None]:
    """Let go of Shift and Ctrl: QTest leaves them pressed, and a table then selects no single row."""
    yield
    if QCoreApplication.instance() is not None and QGuiApplication.keyboardModifiers():
        QTest.keyRelease(QWidget(), Qt.Key.Key_Shift)
