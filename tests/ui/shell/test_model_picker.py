"""The button that names the model, while one is being loaded."""

import asyncio
from pathlib import Path

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.ui.base.bridge import Bridge
from app.ui.base.session import EngineSession
from app.ui.base.theme import Theme
from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.composing.composer import ComposerState
from app.ui.live_panel.loaded_line import LoadedLine
from app.ui.shell.application import WindowApplication
from app.ui.shell.model_picker import ModelPicker
from models.catalog.starter import starter_file
from tests.support.templates import chat_templates
from tests.support.waiting import until
from tests.support.widgets import seen_words
from tests.support.window import run_with_window

PATH = "/models/R1 Qwen 7B/Q4_K_M.gguf"


@pytest.fixture
def session() -> EngineSession:
    """A session whose engine is never started: its signals are what is followed."""
    return EngineSession(EngineClient(child_command("engine")), Bridge(lambda error: None), chat_templates())


def shown(qtbot: QtBot, theme: Theme, session: EngineSession) -> ModelPicker:
    picker = ModelPicker(session, theme, tuple)
    picker.resize(320, 34)
    qtbot.addWidget(picker)
    picker.show()
    return picker


def test_the_bar_fills_from_the_left(qtbot: QtBot, theme: Theme, session: EngineSession) -> None:
    picker = shown(qtbot, theme, session)
    widths = []
    for fraction in (0.25, 0.75):
        session.loading.emit(PATH, fraction)
        QApplication.processEvents()
        picture = picker.grab().toImage()
        accent = QColor(theme.colours.accent)
        row = [picture.pixelColor(x, picture.height() - 4) == accent for x in range(12, picture.width() - 12)]
        filled = row.count(True)
        assert row == [True] * filled + [False] * (len(row) - filled)
        widths.append(filled)
    assert widths[0] < widths[1]


def test_it_asks_for_no_model_while_one_is_on_its_way(
    qtbot: QtBot, theme: Theme, session: EngineSession
) -> None:
    picker, line = shown(qtbot, theme, session), LoadedLine(session)
    qtbot.addWidget(line)
    line.show()
    assert picker.accessibleDescription() == "Choose a model"
    session.loading_path = PATH
    # The one before is freed first.
    session.unloaded.emit()
    for each in (picker, shown(qtbot, theme, session)):
        assert each.accessibleDescription() == "Loading R1 Qwen 7B · Q4_K_M, 0%"
    assert "No model loaded" not in seen_words(line)
    session.loading_path = ""
    session.load_failed.emit(None)
    assert picker.accessibleDescription() == "Choose a model"


def test_a_model_has_its_name_while_it_is_loaded_first_and_again(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    seen: list[str] = []

    async def scene(application: WindowApplication) -> None:
        session, picker = application.session, application.window.picker
        await until(lambda: session.info is not None, "the starter model")
        assert session.info is not None
        path, name = Path(session.info.path), picker.accessibleDescription()
        session.loading.connect(lambda *_: seen.append(picker.accessibleDescription()))
        await session.unload()
        # As a measurement does that had the memory for itself: nobody says the name again.
        await asyncio.wrap_future(application.parts.client.load(str(path), LoadSettings()).future)
        await until(lambda: session.info is not None, "the starter model again")
        assert seen
        assert {text.rsplit(", ", 1)[0] for text in seen} == {f"Loading {name}"}

    run_with_window(scene)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def test_after_a_load_that_failed_the_model_of_before_is_named(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        session, picker = application.session, application.window.picker
        await until(lambda: session.info is not None, "the starter model")
        named = picker.accessibleDescription()
        with pytest.raises(EngineError):
            await session.load(damaged(home), LoadSettings())
        assert session.info is not None
        assert picker.accessibleDescription() == named

    run_with_window(scene)


def test_a_load_that_a_program_asked_for_and_failed_is_not_shown_for_ever(
    qapp: QApplication, home: Path
) -> None:
    async def scene(application: WindowApplication) -> None:
        session, picker = application.session, application.window.picker
        await until(lambda: session.info is not None, "the starter model")
        await session.unload()
        seen: list[str] = []
        session.loading.connect(lambda *_: seen.append(picker.accessibleDescription()))
        load = await asyncio.to_thread(session.client.load, str(damaged(home)))
        with pytest.raises(EngineError):
            await asyncio.wrap_future(load.future)
        await until(lambda: "Loading" not in picker.accessibleDescription(), "the picker")
        assert seen, "it was shown while it lasted"

    run_with_window(scene)


def test_before_the_first_load_nobody_is_told_to_choose_a_model(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        told: list[str] = []
        picker, session = application.window.picker, application.session
        assert session.expects_model
        assert picker.accessibleDescription() == "Starting…"
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        assert tab.composer.state is ComposerState.WAITING
        session.unloaded.connect(lambda: told.append("unloaded"))
        await until(lambda: session.info is not None, "the starter model")
        assert not session.expects_model
        assert told == []

    run_with_window(scene)


def damaged(folder: Path) -> Path:
    """The beginning of the starter's file."""
    starter = starter_file()
    assert starter is not None
    path = folder / "damaged.gguf"
    with starter.open("rb") as file:
        path.write_bytes(file.read(4 << 20))
    return path
