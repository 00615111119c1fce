"""The whole window in this process, with the real engine and the starter model."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton

from app.ui.base.colours import DARK, LIGHT
from app.ui.models.models_tab import ModelsTab
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import click, seen_button
from tests.support.window import run_with_window, settle, told


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def tab_texts(application: WindowApplication) -> list[str]:
    return [
        button.text()
        for button in application.window.findChildren(QPushButton)
        if button.property("kind") == "tab"
    ]


def test_the_starter_is_loaded_and_named_as_in_the_store(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        await settle(5)
        assert application.window.picker.accessibleDescription() == "SmolLM2-135M-Instruct · Q4_1"
        assert application.parts.settings.values.last_model == "SmolLM2-135M-Instruct/Q4_1"

    run_with_window(scene)


def test_where_the_first_model_cannot_be_loaded_the_starter_answers(qapp: QApplication, home: Path) -> None:
    folder = home / "data" / "models" / "by-hand--Broken"
    folder.mkdir(parents=True)
    write_tiny_gguf(folder / "Broken-Q8_0.gguf")

    async def scene(application: WindowApplication) -> None:
        assert application.parts.store.listing().models[0].path.parent == folder
        await until(lambda: application.session.info is not None, "the starter model")
        assert application.window.picker.accessibleDescription() == "SmolLM2-135M-Instruct · Q4_1"
        assert "Broken" in told(application)

    run_with_window(scene)


def test_every_tab_opens_once_and_stays(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        first = {key: application.window.show_page(key) for key in ("chat", "code", "benchmark", "models")}
        await settle(10)
        assert {key: application.window.show_page(key) for key in first} == first
        assert application.window.current_page == "models"

    run_with_window(scene)


def test_another_language_makes_another_window_at_once(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        before = application.window
        for page in ("code", "benchmark", "models"):
            before.show_page(page)
        application.parts.settings.update(language="zh_CN")
        await until(lambda: application.window is not before, "the other window")
        assert tab_texts(application)[0] == "聊天"
        assert application.window.current_page == "models"
        application.parts.settings.update(language="en")
        await until(lambda: tab_texts(application)[0] == "Chat", "English again")
        await settle(20)
        # Nothing of the windows before follows the theme any more.
        application.parts.settings.update(theme="dark", zoom_percent=110)
        await settle(20)
        notices = application.window.findChild(Notices)
        assert isinstance(notices, Notices)
        assert notices.isHidden(), [text.text() for text in notices.findChildren(QLabel)]

    run_with_window(scene)


def test_the_theme_follows_the_setting(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        for theme, colours in (("dark", DARK), ("light", LIGHT)):
            application.parts.settings.update(theme=theme)
            await until(lambda c=colours: qapp.palette().window().color().name().upper() == c.ground, theme)

    run_with_window(scene)


def test_load_settings_are_kept_and_load_the_model_again(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        dialog = application.dialogs.open_load_settings()
        [cache] = [box for box in dialog.findChildren(QComboBox) if box.accessibleName() == "Cache type"]
        cache.setCurrentText("q8_0")
        dialog.findChild(QPushButton, "apply").click()
        await until(
            lambda: application.session.info is not None and application.session.info.kv_type == "q8_0",
            "the model with another cache type",
        )
        assert application.session.info is not None
        chosen = application.parts.load_choices.of(application.session.info.path)
        assert chosen.load.kv_type == "q8_0"

    run_with_window(scene)


def test_an_error_is_shown_with_what_to_do(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        tab.add_card.field.setText("zebra")
        click(seen_button(tab.add_card, "Get"))
        await until(lambda: "There is no model called zebra.\nName a model of" in told(application), "it")
        click(seen_button(application.window, "Dismiss: There is no model called zebra."))
        await until(lambda: "zebra" not in told(application), "the line to go")

    run_with_window(scene)


def test_files_that_were_damaged_before_the_start_are_named(home: Path, qapp: QApplication) -> None:
    (home / "config").mkdir()
    (home / "config" / "settings.json").write_bytes(b'{"theme": "dar\xff"}')
    (home / "data").mkdir()
    (home / "data" / "prompts.json").write_bytes(b"")

    async def scene(application: WindowApplication) -> None:
        for name in ("settings.json", "prompts.json"):
            await until(lambda name=name: name in told(application), name)
        await settle(5)
        assert all(name in told(application) for name in ("settings.json", "prompts.json"))

    run_with_window(scene)
    assert len(list(home.rglob("*.damaged-*.json"))) == 2


def test_a_place_that_is_none_stops_no_start(home: Path, qapp: QApplication) -> None:
    (home / "config").mkdir()
    (home / "config" / "settings.json").write_text('{"window_geometry": "Ad\u00e9 no place"}')

    async def scene(application: WindowApplication) -> None:
        assert application.window.isVisible()

    run_with_window(scene)
