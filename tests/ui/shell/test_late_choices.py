"""A late disk changes nothing of what the user has chosen since for his models."""

import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from app.load_choices import LoadChoices
from app.settings import LoadChoice
from app.ui.shell.application import WindowApplication
from tests.support.held_disk import HANGS_S
from tests.support.late import Late
from tests.support.waiting import until
from tests.support.window import run_with_window, settle


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def test_a_model_whose_settings_are_read_late_is_not_loaded_after_unloading(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(application: WindowApplication) -> None:
        session, picker = application.session, application.window.picker
        await until(lambda: session.info is not None, "the starter model")
        picker.unload_asked.emit("")
        await until(lambda: session.info is None, "its end")
        reading = Late(LoadChoices.of)
        monkeypatch.setattr(LoadChoices, "of", lambda *asked: reading(*asked))
        [starter] = application.parts.store.present.models
        picker.chosen.emit(starter)
        await until(lambda: reading.waiting > 0, "its settings")
        picker.unload_asked.emit("")
        reading.let_all()
        await settle(20)
        assert (session.loading_path, session.info) == ("", None)

    run_with_window(scene)


def test_of_two_defaults_that_are_chosen_the_later_one_holds(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = list[LoadChoice](), threading.Event()
    make_default = LoadChoices.make_default

    def slowly(choices: LoadChoices, choice: LoadChoice, present: Iterable[Path]) -> None:
        begun.append(choice)
        if len(begun) == 1:
            assert goes_on.wait(HANGS_S)
        make_default(choices, choice, present)

    monkeypatch.setattr(LoadChoices, "make_default", slowly)

    async def scene(application: WindowApplication) -> None:
        choices = application.parts.load_choices
        earlier, later = (
            msgspec.structs.replace(
                choices.default, load=msgspec.structs.replace(choices.default.load, threads=threads)
            )
            for threads in (1, 2)
        )
        dialog = application.dialogs.open_load_settings()
        dialog.default_chosen.emit(earlier)
        await until(lambda: len(begun) == 1, "the first one")
        dialog.default_chosen.emit(later)
        await settle(20)
        goes_on.set()
        await until(lambda: len(begun) == 2, "the second one")
        await until(lambda: choices.default.load.threads == 2, "the later one")
        await settle(20)
        assert choices.default.load.threads == 2
        dialog.reject()

    run_with_window(scene)
