"""Nothing that a test of the window leaves behind is there when the next one begins."""

import gc
from collections.abc import Iterator

import pytest
import qasync
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.machine.memory_speed import SpeedReading
from app.ui.base.theme import Theme
from tests.support.begun_threads import threads_begun_by_the_window
from tests.support.chat_desk import desk, engine_command, model_file, opened
from tests.support.event_loop import close_loop, open_loop

__all__ = ["desk", "engine_command", "model_file", "opened"]

MEMORY_BYTES_PER_S = 47e9


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[qasync.QEventLoop]:
    """Qt's event loop, for `run_step`."""
    made = open_loop(qapp)
    yield made
    close_loop(made)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    """The light theme."""
    made = Theme(qapp, "light")
    yield made
    made.deleteLater()


@pytest.fixture(autouse=True)
def known_memory_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell the speed of some memory: measuring this computer's takes two seconds of all processors for each
    new data folder."""
    monkeypatch.setattr(
        "app.machine.measurements.read_memory_speed",
        lambda threads: SpeedReading(MEMORY_BYTES_PER_S, is_quiet=True),
    )


@pytest.fixture(autouse=True)
def no_widgets_left() -> Iterator[None]:
    """Collect the widgets of the test: each new theme would go through all that are left."""
    yield
    gc.collect()
    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture(autouse=True)
def nothing_copied() -> Iterator[None]:
    """Empty the clipboard: without a display it lives longer than Python, whose objects may be in it."""
    yield
    if QCoreApplication.instance() is not None:
        QGuiApplication.clipboard().clear()


@pytest.fixture(autouse=True)
def no_key_held() -> Iterator[None]:
    """Let go of Shift and Ctrl: QTest leaves them pressed, and a table then selects no single row."""
    yield
    if QCoreApplication.instance() is not None and QGuiApplication.keyboardModifiers():
        QTest.keyRelease(QWidget(), Qt.Key.Key_Shift)


@pytest.fixture(autouse=True)
def threads_are_begun_elsewhere() -> Iterator[None]:
    """Fail where the window's thread has begun a thread: it waits until that one has a processor."""
    with threads_begun_by_the_window() as places:
        yield
    assert not places
