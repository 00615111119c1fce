"""The field where a message is written."""

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QPaintEvent, QRegion
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from app.ui.base.theme import Theme
from app.ui.chat.composing.composer import Composer, ComposerState
from tests.support.waiting import wait_until


class Painted(QObject):
    """Notes which parts of a widget were drawn anew."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self._widget = widget
        self._region = QRegion()
        widget.installEventFilter(self)

    def covers_all(self) -> bool:
        return QRegion(self._widget.rect()).subtracted(self._region).isEmpty()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if isinstance(event, QPaintEvent):
            self._region = self._region.united(event.region())
        return False


def test_another_hint_is_drawn_as_a_whole(qtbot: QtBot, qapp: QApplication) -> None:
    composer = Composer(Theme(qapp, "light"))
    qtbot.addWidget(composer)
    composer.show()
    qtbot.waitExposed(composer)
    viewport = composer.findChild(QPlainTextEdit).viewport()
    for state in (ComposerState.RUNNING, ComposerState.BLOCKED):
        qtbot.wait(50)
        painted = Painted(viewport)
        composer.set_state(state)
        wait_until(painted.covers_all)
        viewport.removeEventFilter(painted)
