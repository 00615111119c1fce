"""The whole window: what it opens with, its size, and what is dragged onto it."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.window_application import WindowApplication
from tests.support.dragging import drag_onto
from tests.support.engines import starter_path
from tests.support.waiting import until
from tests.support.window import run_with_window, settle, told

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    return tmp_path


def drag(window: QWidget, *paths: Path) -> bool:
    """Drag files onto the middle of the window and let them go; whether they were taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return drag_onto(window, data)


def test_size_tab_and_chat_are_kept_while_the_window_lives(qapp: QApplication) -> None:
    """Nothing waits for the end: a window that is killed opens as it was."""

    async def scene(application: WindowApplication) -> None:
        store, settings = application.parts.chats, application.parts.settings
        older, newer = store.create_conversation(), store.create_conversation()
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        tab.open_chat(newer.id)
        tab.open_chat(older.id)
        application.window.show_page("models")
        await until(lambda: settings.values.last_page == "models", "the settings")
        geometry = settings.values.window_geometry
        application.window.resize(1111, 777)
        await until(lambda: settings.values.window_geometry != geometry, "the new size")
        assert settings.values.last_chat == older.id

    async def next_scene(application: WindowApplication) -> None:
        assert application.window.current_page == "models"
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        assert tab.chat is not None
        assert tab.chat.id == application.parts.settings.values.last_chat

    run_with_window(scene)
    run_with_window(next_scene)


def test_the_first_window_fits_the_screen_with_its_title_bar(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        assert window.height() <= window.screen().availableSize().height() - 40

    run_with_window(scene)


def test_the_keys_change_the_size_of_everything(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await settle(5)
        window, settings = application.window, application.parts.settings
        picker_px = window.picker.fontMetrics().height()
        for _ in range(3):
            QTest.keyClick(window, Qt.Key.Key_Plus, CONTROL)
        assert settings.values.zoom_percent == 150
        await until(lambda: window.picker.fontMetrics().height() > 1.3 * picker_px, "larger text")
        QTest.keyClick(window, Qt.Key.Key_Minus, CONTROL)
        assert settings.values.zoom_percent == 125
        QTest.keyClick(window, Qt.Key.Key_0, CONTROL)
        await until(lambda: window.picker.fontMetrics().height() == picker_px, "text as before")

    run_with_window(scene)


def test_a_model_that_is_dropped_anywhere_is_added_and_loaded(qapp: QApplication, tmp_path: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        model = tmp_path / "mine.gguf"
        shutil.copy(starter_path(), model)
        note = tmp_path / "note.txt"
        note.write_text("no model", encoding="utf-8")
        assert not drag(application.window, note)
        assert drag(application.window, model, note)
        assert application.window.current_page == "models"
        await until(lambda: "The file note.txt is not a GGUF file." in told(application), "what was left out")
        await until(
            lambda: application.session.info is not None and application.session.info.path == str(model),
            "the dropped model",
        )

    run_with_window(scene)


def test_a_model_is_not_attached_to_a_message(qapp: QApplication, tmp_path: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        field = tab.composer.findChild(QPlainTextEdit)
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / "mine.gguf"))])
        assert not field.canInsertFromMimeData(data)
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / "note.txt"))])
        assert field.canInsertFromMimeData(data)

    run_with_window(scene)
