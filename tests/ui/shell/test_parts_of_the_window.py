"""F6 goes from one part of the window to the next, and comes to what was told first."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.code.code_tab import CodeTab
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.inline_notices import InlineNotices, NoticeText
from app.ui.widgets.notices import Notices
from tests.support.waiting import until
from tests.support.window import run_with_window


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def at() -> QWidget:
    focused = QApplication.focusWidget()
    assert focused is not None
    return focused


def press(key: Qt.Key = Qt.Key.Key_F6, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> str:
    """Press a key, and give the name of what has the keyboard then."""
    QTest.keyClick(at(), key, held)
    return at().accessibleName() or at().property("text")


async def active(application: WindowApplication) -> None:
    application.window.resize(1280, 800)
    application.window.activateWindow()
    await until(application.window.isActiveWindow, "the keyboard")
    await until(lambda: QApplication.focusWidget() is not None, "its place")


def test_every_part_of_the_chat_is_reached_in_both_directions(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await active(application)
        assert at().accessibleName() == "Message"
        there = [press() for _ in range(5)]
        assert there == [
            "Collapse the live panel",
            "Chat",
            "Start a new chat (Ctrl+N)",
            "Conversation",
            "Message",
        ]
        back = [press(held=Qt.KeyboardModifier.ShiftModifier) for _ in range(5)]
        assert back == [*reversed(there[:-1]), "Message"]

    run_with_window(scene)


def test_the_editor_is_left_for_every_part_of_the_code_tab(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await active(application)
        tab = application.window.show_page("code")
        assert isinstance(tab, CodeTab)
        await until(lambda: tab.editor.hasFocus() and not tab.editor.isReadOnly(), "the editor")
        assert "F6" in tab.editor.accessibleDescription()
        press(Qt.Key.Key_Tab)
        assert tab.editor.hasFocus()
        assert [press() for _ in range(6)] == [
            "Output",
            "Questions and answers about the code",
            "Question about the selection",
            "Collapse the live panel",
            "Code",
            "Code editor",
        ]

    run_with_window(scene)


def test_the_line_of_an_error_and_the_notice_come_first(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await active(application)
        window = application.window
        lines = next(
            found
            for found in window.findChildren(InlineNotices)
            if not window.current_content.isAncestorOf(found)
        )
        lines.add(NoticeText("Something went wrong.", "", "Copy report", lambda: None))
        assert press() == "Copy report"
        assert press() == "Start a new chat (Ctrl+N)"
        [toast] = window.findChildren(Notices)
        toast.inform("The chat was deleted.", "Undo", lambda: None)
        assert press() == "Undo"
        assert press() == "Start a new chat (Ctrl+N)"
        assert press() == "Conversation"

    run_with_window(scene)
