"""Moving the models in the whole window."""

import threading
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog

from app.base.errors import StillroomError
from app.models_folder import ModelsPlace
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.lasting_job import LastingJobs
from app.ui.settings.models_folder_card import ModelsFolderCard
from app.ui.settings.models_in_use import ModelsInUse
from app.ui.shell.model_choice import ModelChoice
from app.ui.shell.window_application import WindowApplication
from models.store.manifest import BuiltFile
from models.store.store import ModelStore
from models.system.progress import JobContext
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import click, seen_button, seen_words
from tests.support.window import run_with_window, settle, told


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    store = ModelStore(tmp_path / "home" / "data" / "models")
    path = store.work_folder("tiny") / "made.gguf"
    path.parent.mkdir(parents=True)
    write_tiny_gguf(path, 100_000)
    store.add("tiny", [BuiltFile("Q8_0", path, "ab", path.stat().st_size)])
    return tmp_path


def open_card(application: WindowApplication) -> ModelsFolderCard:
    card = application.dialogs.open_settings_page("models folder").findChild(ModelsFolderCard)
    assert isinstance(card, ModelsFolderCard)
    return card


async def choose(card: ModelsFolderCard, folder: Path) -> None:
    """Choose a folder in the dialog of the button, once nothing uses the models."""
    await until(lambda: seen_button(card, "Move the models…").isEnabled(), "the button")
    click(seen_button(card, "Move the models…"))
    [dialog] = card.findChildren(QFileDialog)
    dialog.fileSelected.emit(str(folder))
    dialog.reject()


def test_the_models_are_moved_and_found_there_at_the_next_start(qapp: QApplication, home: Path) -> None:
    target = home / "disk" / "models"

    async def move(application: WindowApplication) -> None:
        tab = application.window.show_page("models")
        card = open_card(application)
        await until(lambda: "of models" in seen_words(card), "the sizes")
        await choose(card, target)
        await until(lambda: str(target) in seen_words(card), "the new folder")
        assert application.parts.settings.values.models_folder == str(target)
        await until(lambda: not (home / "home" / "data" / "models").exists(), "the end of the old folder")
        await until(lambda: "tiny" in str(application.parts.store.find("tiny")[0].path), "the model")
        assert tab is not None

    async def look(application: WindowApplication) -> None:
        [model] = application.parts.store.find("tiny")
        assert model.path.parent.parent == target
        assert model.path.is_file()

    run_with_window(move)
    run_with_window(look)


def test_a_folder_with_other_files_is_refused(qapp: QApplication, home: Path) -> None:
    (home / "letters").mkdir()
    (home / "letters" / "one.txt").write_text("Dear")

    async def scene(application: WindowApplication) -> None:
        card = open_card(application)
        await choose(card, home / "letters")
        await until(lambda: "is not empty" in seen_words(card), "the reason")
        assert application.parts.store.find("tiny")

    run_with_window(scene)


def test_a_move_that_fails_is_told_where_its_page_is_closed(qapp: QApplication, home: Path) -> None:
    (home / "letters").mkdir()
    (home / "letters" / "one.txt").write_text("Dear")

    async def scene(application: WindowApplication) -> None:
        moving = application.dialogs.moving
        await until(lambda: not moving.refusal, "the end of what uses the models")
        moving.start(home / "letters")
        await until(lambda: "The models were not moved." in told(application), "the notice")
        assert "is not empty" in told(application)

    run_with_window(scene)


def test_an_interrupted_move_goes_on_or_is_taken_back(qapp: QApplication, home: Path) -> None:
    settings = SettingsFile(home / "home" / "config" / "settings.json")
    settings.update(models_move=str(home / "new"))

    async def take_back(application: WindowApplication) -> None:
        await until(lambda: "was interrupted" in told(application), "the notice")
        card = open_card(application)
        assert "was interrupted" in seen_words(card)
        click(seen_button(card, "Take it back"))
        await until(lambda: application.parts.settings.values.models_move == "", "its end")
        await until(lambda: "of models" in seen_words(card), "the usual words")

    async def go_on(application: WindowApplication) -> None:
        application.parts.settings.update(models_move=str(home / "new"))
        card = open_card(application)
        await until(lambda: seen_button(card, "Go on").isEnabled(), "the button")
        click(seen_button(card, "Go on"))
        await until(lambda: application.parts.store.root == home / "new", "the move")

    run_with_window(take_back)
    run_with_window(go_on)


def test_a_folder_that_is_not_there_is_told(qapp: QApplication, home: Path) -> None:
    settings = SettingsFile(home / "home" / "config" / "settings.json")
    settings.update(models_folder=str(home / "unplugged"))

    async def scene(application: WindowApplication) -> None:
        await until(lambda: "is not there" in seen_words(application.window), "the notice")
        assert not (home / "unplugged").exists()

    run_with_window(scene)


def test_a_move_goes_on_in_the_window_of_another_language(
    qapp: QApplication, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    move = ModelsPlace.move

    def slow(place: ModelsPlace, target: Path, job: JobContext) -> None:
        assert may_end.wait(60)
        move(place, target, job)

    monkeypatch.setattr(ModelsPlace, "move", slow)

    async def scene(application: WindowApplication) -> None:
        await choose(open_card(application), home / "new")
        await until(lambda: application.dialogs.moving.is_running, "the move")
        before = application.window
        application.parts.settings.update(language="zh_CN")
        await until(lambda: application.window is not before, "the other window")
        moving = application.dialogs.moving
        assert moving.is_running
        refused: list[StillroomError] = []
        choice = application.findChild(ModelChoice)
        assert choice is not None
        choice.failed.connect(refused.append)
        choice.choose(application.parts.store.find("tiny")[0])
        await until(lambda: bool(refused), "the refusal to load")
        may_end.set()
        await until(lambda: application.parts.store.root == home / "new", "its end")
        await until(lambda: not moving.is_running, "the end of it all")

    run_with_window(scene)


def test_the_end_of_measuring_a_file_is_told_and_its_failure_too(qapp: QApplication) -> None:
    failures: list[BaseException] = []

    async def scene(application: WindowApplication) -> None:
        bridge = Bridge(failures.append, application)
        parts, session = application.parts, application.session
        lasting = LastingJobs.make(session, bridge, application)
        in_use = ModelsInUse(session, parts.store, parts.jobs, lasting, bridge)
        may_end = threading.Event()
        lasting.closeness.start(lambda cancel: may_end.wait(60), "tiny")
        await until(lambda: "is being measured" in in_use.refusal(), "the measuring")
        await settle()
        answers: list[str] = []
        in_use.changed.connect(lambda: answers.append(in_use.refusal()))
        may_end.set()
        await until(lambda: not lasting.closeness.running, "the end")
        # As long as the window loads a model at its start, this is told instead.
        await until(lambda: "" in answers, "that nothing uses them")

        def fail(cancel: threading.Event) -> None:
            raise ValueError("a surprise")

        lasting.closeness.start(fail, "tiny")
        await until(lambda: [str(failure) for failure in failures] == ["a surprise"], "the failure")

    run_with_window(scene)
