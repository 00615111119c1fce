"""The field where a message is written."""

import random
from functools import partial

import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPaintEvent, QRegion
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.ui.base.theme import Theme
from app.ui.chat.composing import composer as composing
from app.ui.chat.composing.composer import Composer, ComposerState
from app.ui.widgets.text_field import LONGEST_LINE
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
    for state in (ComposerState.READY, ComposerState.BLOCKED):
        qtbot.wait(50)
        painted = Painted(viewport)
        composer.set_state(state)
        wait_until(painted.covers_all)
        viewport.removeEventFilter(painted)


def test_a_double_click_on_send_does_not_stop_what_was_sent(qtbot: QtBot, qapp: QApplication) -> None:
    composer = Composer(Theme(qapp, "light"))
    qtbot.addWidget(composer)
    composer.show()
    composer.set_state(ComposerState.READY)
    composer.set_text("Hello")
    told: list[str] = []
    composer.send_requested.connect(
        lambda _: (told.append("sent"), composer.set_state(ComposerState.RUNNING))
    )
    composer.stop_requested.connect(lambda: told.append("stopped"))
    buttons = {made.text(): made for made in composer.findChildren(QPushButton)}
    left = Qt.MouseButton.LeftButton
    QTest.mouseClick(buttons["Send"], left)
    # The second half, which goes to whatever is below the mouse by then.
    stop = buttons["Stop"]
    place, none = QPointF(stop.rect().center()), Qt.KeyboardModifier.NoModifier
    press = QEvent.Type.MouseButtonDblClick
    qapp.sendEvent(stop, QMouseEvent(press, place, stop.mapToGlobal(place), left, left, none))
    QTest.mouseRelease(stop, left)
    assert told == ["sent"]
    QTest.mouseClick(stop, left)
    assert told == ["sent", "stopped"]


def test_keys_with_alt_type_nothing(qtbot: QtBot, theme: Theme) -> None:
    """Alt+1 keeps an answer that is compared; once more it comes to the message."""
    composer = Composer(theme)
    qtbot.addWidget(composer)
    composer.show()
    field = composer.focusProxy()
    QTest.keyClick(field, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    assert composer.text() == ""
    QTest.keyClick(field, Qt.Key.Key_1)
    assert composer.text() == "1"


def test_text_is_right_whoever_asks_for_it_in_mid_change(qtbot: QtBot, theme: Theme) -> None:
    composer = Composer(theme)
    qtbot.addWidget(composer)
    field = composer.findChild(QPlainTextEdit)
    field.document().contentsChange.connect(lambda *_: composer.text())
    rng = random.Random(1)
    for _ in range(400):
        cursor = field.textCursor()
        cursor.setPosition(rng.randrange(len(field.toPlainText()) + 1))
        act = rng.choice(
            (
                partial(cursor.insertText, rng.choice("ab \n")),
                cursor.deletePreviousChar,
                field.undo,
                field.redo,
                lambda: composer.set_text("x" * rng.randrange(4)),
                field.clear,
            )
        )
        act()
        assert composer.text() == field.toPlainText()


def test_enter_says_why_nothing_is_sent_and_that_a_message_waits(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(composing, "announce", lambda _widget, text: said.append(text))
    composer = Composer(theme)
    qtbot.addWidget(composer)
    composer.show()
    composer.set_text("Why?")
    field = composer.findChild(QPlainTextEdit)
    assert field is not None
    composer.set_state(ComposerState.BLOCKED, "No model is loaded.")
    assert said == []
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert said == ["No model is loaded."]
    composer.set_state(ComposerState.QUEUED, "Waits for the model.")
    composer.set_state(ComposerState.QUEUED, "Waits for the model.")
    assert said[1:] == ["Waits for the model."]


def test_a_line_that_would_stop_the_window_is_refused_with_a_sentence(
    qtbot: QtBot, qapp: QApplication
) -> None:
    composer = Composer(Theme(qapp, "light"))
    qtbot.addWidget(composer)
    field = composer.findChild(QPlainTextEdit)
    told: list[str] = []
    composer.refused.connect(told.append)

    def paste(text: str) -> str:
        data = QMimeData()
        data.setText(text)
        told.clear()
        field.insertFromMimeData(data)
        return "".join(told)

    refusal = paste("x" * 1_000_000)
    assert refusal == "A line of more than 20,000 characters is too long here; attach it as a file."
    assert composer.text() == ""
    # A text of many lines is none, however long, and neither is a line of the longest length.
    lines = "word " * 20 + "\n"
    assert paste(1000 * lines) == ""
    assert composer.text() == 1000 * lines
    assert paste("x" * LONGEST_LINE) == ""
    # What stands before it, or is taken out by it, counts.
    assert paste("y") == refusal
    assert paste("y\nend") == refusal
    assert paste("\n" + "y" * LONGEST_LINE) == ""
    field.selectAll()
    assert paste("y" * LONGEST_LINE) == ""
    assert composer.text() == "y" * LONGEST_LINE
    # Prompts of the library come another way.
    composer.insert_text("z")
    assert composer.text() == "y" * LONGEST_LINE
    # Each of these is two of Qt's characters.
    composer.set_text("")
    assert paste("\N{GRINNING FACE}" * (LONGEST_LINE // 2 + 1)) == refusal
