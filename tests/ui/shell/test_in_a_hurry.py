"""Two things at once in the whole window: typing beside the page, choosing a model in mid-measurement."""

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from app.engine.protocol import LoadSettings
from app.ui.chat.chat_tab import ChatTab
from app.ui.live_panel.loaded_line import LoadedLine
from app.ui.shell.application import WindowApplication
from app.ui.widgets.notices import Notices
from tests.support.waiting import until
from tests.support.window import run_with_window, told


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def bar_button(application: WindowApplication, name: str) -> QPushButton:
    found = application.window.findChildren(QPushButton)
    return next(made for made in found if name in (made.accessibleName(), made.text()))


def loaded_line(application: WindowApplication) -> str:
    """The words at the foot of the live panel, which may be too narrow to be seen."""
    [line] = application.window.findChildren(LoadedLine)
    return " ".join(label.text() for label in line.findChildren(QLabel))


def test_what_is_typed_after_a_click_in_the_bar_goes_to_the_message(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        application.window.activateWindow()
        await until(application.window.isActiveWindow, "the keyboard")
        for name in ("Chat", "Settings", "How the model is loaded"):
            button = bar_button(application, name)
            button.clicked.disconnect()
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
            assert not button.hasFocus(), name
            button.setFocus(Qt.FocusReason.TabFocusReason)
            QTest.keyClick(button, "a")
            assert tab.composer.text() == "a", name
            tab.composer.set_text("")

    run_with_window(scene)


def test_no_model_is_loaded_or_unloaded_while_one_is_measured(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        session = application.session
        await until(lambda: session.info is not None, "the starter model")
        before = session.info
        [starter] = application.parts.store.listing().models
        session.reserve("benchmark")
        loads: list[object] = []
        session.loading.connect(lambda *_: loads.append("load"))
        for ask in (
            lambda: application.window.picker.chosen.emit(starter),
            lambda: application.window.picker.unload_asked.emit(""),
            lambda: application.dialogs.make_load_settings().applied.emit(
                application.parts.load_choices.default, 30
            ),
        ):
            ask()
            await until(lambda: "being measured" in told(application), "the reason")
            application.window.findChildren(Notices)[0].dismiss()
        assert loads == []
        assert session.info is before
        await asyncio.wrap_future(session.client.unload())
        await until(lambda: session.info is None, "the unloading of the measurement")
        assert application.window.picker.accessibleDescription() == "Measuring…"
        assert "Choose one above" not in loaded_line(application)
        session.reserve("")
        assert application.window.picker.accessibleDescription() == "Choose a model"
        assert "Choose one above" in loaded_line(application)

    run_with_window(scene)


def test_the_load_settings_are_those_of_the_model_that_is_being_loaded(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        session = application.session
        await until(lambda: session.info is not None, "the starter model")
        assert session.info is not None
        path = Path(session.info.path)
        named = application.dialogs.make_load_settings().windowTitle()
        load = asyncio.ensure_future(session.load(path, LoadSettings(context_tokens=512)))
        await asyncio.sleep(0)
        assert session.info is None
        assert application.dialogs.load_subject == str(path)
        dialog = application.dialogs.make_load_settings()
        assert dialog.windowTitle() == named
        dialog.deleteLater()
        await load

    run_with_window(scene)
