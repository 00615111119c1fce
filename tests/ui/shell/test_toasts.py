"""Where the whole window tells things: toasts cover nothing, failures stay where they happened."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QRegion
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QWidget,
)

from app.base.errors import StillroomError
from app.ui.chat.chat_tab import ChatTab
from app.ui.code.code_tab import CodeTab
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from tests.support.waiting import until
from tests.support.widgets import click, seen_button
from tests.support.window import run_with_window, settle, told

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)
SIZES = ((1440, 900), (1000, 700))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    return tmp_path


def place_of(widget: QWidget) -> QRegion:
    """Give what can be seen of a widget, on the screen."""
    return widget.visibleRegion().translated(widget.mapToGlobal(QPoint(0, 0)))


def test_a_toast_covers_no_control_and_does_not_move_the_message_field(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        window = application.window
        notices = window.findChild(Notices)
        assert notices is not None
        for size in SIZES:
            window.resize(*size)
            for page in ("chat", "code", "benchmark", "models"):
                content = window.show_page(page)
                await settle(10)
                composer = content.composer if isinstance(content, ChatTab) else content
                before = QRect(composer.mapToGlobal(QPoint(0, 0)), composer.size())
                notices.inform(f"A sentence about {page} that takes its room. " * 3, "Undo", lambda: None)
                await settle(10)
                assert notices.isVisible()
                covered = QRegion(QRect(notices.mapToGlobal(QPoint(0, 0)), notices.size()))
                own = set(notices.findChildren(QWidget))
                for control in window.findChildren(QWidget):
                    if isinstance(control, CONTROLS) and control.isVisible() and control not in own:
                        assert not place_of(control).intersects(covered), (page, size, control)
                if isinstance(content, ChatTab):
                    assert QRect(composer.mapToGlobal(QPoint(0, 0)), composer.size()) == before
                notices.dismiss()

    run_with_window(scene)


def test_a_file_that_cannot_be_saved_says_so_above_itself_alone(qapp: QApplication, home: Path) -> None:
    first, second = home / "first.py", home / "second.py"
    first.write_text("print(1)\r\nprint(2)\n")
    second.write_text("print(2)\n")

    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("code")
        assert isinstance(tab, CodeTab)
        await tab.open_file(first)
        await until(lambda: "first.py mixes line ends" in told(application), "what is said of the first")
        await tab.open_file(second)
        await settle(5)
        assert "first.py" not in told(application)
        tab.editor.setPlainText("print(3)")
        second.unlink()
        second.mkdir()
        tab.files.save_button.click()
        await until(lambda: "second.py" in told(application), "the failure")
        second.rmdir()
        await tab.actions_on_files.new()
        await settle(3)
        assert "second.py" not in told(application)

    run_with_window(scene)


def test_a_document_that_cannot_be_read_is_told_in_its_chat_and_stays(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        chat = application.parts.chats.create_conversation(title="Papers")
        tab.open_chat(chat.id)
        await tab.attachments.attach([home / "missing.txt"])
        await settle(3)
        assert "missing.txt" in told(application), tab.failures.texts
        tab.open_chat(None)
        await settle(3)
        assert "missing.txt" not in told(application)
        tab.open_chat(chat.id)
        await settle(3)
        assert "missing.txt" in told(application)
        (home / "missing.txt").write_text("here")
        await tab.attachments.attach([home / "missing.txt"])
        assert "missing.txt" not in "\n".join(tab.failures.texts)

    run_with_window(scene)


def test_a_failure_behind_another_page_is_a_toast_now_and_a_line_there_later(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        tab = window.show_page("chat")
        assert isinstance(tab, ChatTab)
        window.show_page("benchmark")

        async def fail() -> None:
            raise StillroomError("The chat could not be moved.")

        tab.start(fail())
        notices = window.findChild(Notices)
        assert notices is not None
        await until(notices.isVisible, "the toast")
        notices.dismiss()
        window.show_page("chat")
        await settle(3)
        assert "The chat could not be moved." in told(application)

    run_with_window(scene)


def test_the_keyboard_is_never_lost_with_a_toast(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        window.activateWindow()
        tab = window.show_page("chat")
        assert isinstance(tab, ChatTab)
        notices = window.findChild(Notices)
        assert notices is not None
        await until(window.isActiveWindow, "the window in front")
        field = QApplication.focusWidget()
        assert field is not None
        undone: list[None] = []

        def inform() -> QAbstractButton:
            notices.inform("It is gone.", "Undo", lambda: undone.append(None))
            return seen_button(notices, "Undo")

        click(inform())
        assert (len(undone), QApplication.focusWidget()) == (1, field)
        # What had the keyboard may be drawn anew before the toast goes.
        drawn = QPushButton("Once", tab)
        drawn.show()
        drawn.setFocus()
        inform()
        QTest.keyClick(drawn, Qt.Key.Key_F6)
        drawn.deleteLater()
        await settle(3)
        here = QApplication.focusWidget()
        assert here is not None
        QTest.keyClick(here, Qt.Key.Key_Space)
        assert (len(undone), QApplication.focusWidget()) == (2, field)

    run_with_window(scene)
