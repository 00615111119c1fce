"""The button that names the model, while one is being loaded."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings, ModelInfo
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.base.offers import menu_commands, menu_of
from app.ui.base.theme import Theme
from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.composing.composer import ComposerState
from app.ui.live_panel.loaded_line import LoadedLine
from app.ui.shell.model_picker import MOST_AT_ONCE, ModelPicker
from app.ui.shell.window_application import WindowApplication
from models.catalogue.starter import starter_file
from models.store.store import InstalledModel
from tests.support.templates import chat_templates
from tests.support.waiting import until
from tests.support.widgets import seen_words
from tests.support.window import run_with_window, settle

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


def test_a_name_of_several_lines_that_turns_the_direction_is_one_plain_line(
    qtbot: QtBot, theme: Theme, session: EngineSession
) -> None:
    picker = shown(qtbot, theme, session)
    session.loading.emit("/models/new\nline\u202egnp/F16.gguf", 0.5)
    assert picker.accessibleDescription() == "Loading new line·gnp · F16, 50%"


def test_many_models_are_offered_in_menus_of_some(
    qtbot: QtBot, theme: Theme, session: EngineSession, tmp_path: Path
) -> None:
    models = tuple(
        InstalledModel(f"Model {number}", "Q4_K_M", tmp_path / f"{number}.gguf", 1, key=str(number))
        for number in range(2 * MOST_AT_ONCE + 1)
    )
    picker = ModelPicker(session, theme, lambda: models)
    qtbot.addWidget(picker)
    chosen: list[InstalledModel] = []
    picker.chosen.connect(chosen.append)
    for _ in range(2):
        menu = menu_of(picker)
        assert menu is not None
        models_here = [action for action in menu.actions() if action.isCheckable()]
        assert len(models_here) == MOST_AT_ONCE
        models_here[3].trigger()
    assert chosen == [models[3], models[3]]
    titles = [command.title for command in menu_commands(menu)]
    offered = [title for title in titles if "Q4_K_M" in title]
    assert len(offered) == len(models)
    assert offered[-1] == "Other models: Other models: Model 200 · Q4_K_M"
    next(command for command in menu_commands(menu) if command.title == offered[-1]).run()
    assert chosen[-1] is models[-1]


def test_a_model_in_memory_stands_with_the_first(
    qtbot: QtBot, theme: Theme, session: EngineSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tuple(
        InstalledModel(f"Model {number}", "Q4_K_M", tmp_path / f"{number}.gguf", 1, key=str(number))
        for number in range(MOST_AT_ONCE + 5)
    )
    info = ModelInfo(
        path=str(models[-1].path),
        name=models[-1].name,
        architecture="qwen2",
        quantisation="Q4_K_M",
        parameters=1,
        size_bytes=1,
        layers=1,
        gpu_layers=0,
        context_tokens=1024,
        context_limit=1024,
        vocabulary=10,
        threads=1,
        batch_tokens=512,
        kv_type="f16",
        backend="",
        chat_template="",
        bos_text="",
        eos_text="",
        adds_bos=True,
        load_s=0.0,
        buffers={},
    )
    monkeypatch.setattr(EngineSession, "models", property(lambda _: (info,)))
    session.info = info
    picker = ModelPicker(session, theme, lambda: models)
    qtbot.addWidget(picker)
    menu = menu_of(picker)
    assert menu is not None
    [checked] = [action.text() for action in menu.actions() if action.isChecked()]
    assert checked.startswith(f"Model {MOST_AT_ONCE + 4}")
    assert len([title for title in menu_commands(menu) if "Q4_K_M" in title.title]) == len(models)


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


def test_a_model_that_is_unloaded_just_after_the_start_stays_so(
    qapp: QApplication, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Path] = []
    load = EngineSession.load

    async def load_noted(session: EngineSession, path: Path, *rest: Any) -> ModelInfo:
        loads.append(path)
        return await load(session, path, *rest)

    monkeypatch.setattr(EngineSession, "load", load_noted)

    async def scene(application: WindowApplication) -> None:
        session = application.session
        await until(lambda: session.info is not None, "the starter model")
        await session.unload()
        await until(lambda: application.parts.settings.values.last_model, "the end of the first load")
        await settle()
        assert len(loads) == 1
        assert (session.info, session.loading_path) == (None, "")

    run_with_window(scene)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def test_after_a_load_that_failed_the_model_of_before_is_named(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        session, picker = application.session, application.window.picker
        await until(lambda: "SmolLM2" in picker.accessibleDescription(), "the starter model")
        await until(lambda: not session.loading_path, "the end of its load")
        named = picker.accessibleDescription()
        with pytest.raises(EngineError):
            await session.load(damaged(home), LoadSettings())
        await until(lambda: session.info is not None, "the model of before")
        await until(lambda: picker.accessibleDescription() == named, "its name")

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
