"""A late disk changes nothing of what the user has chosen since for his models."""

import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from app.base.log import report
from app.load_choices import LoadChoices
from app.settings import LoadChoice
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from models.store.store import ModelStore, StoreListing
from tests.support.held_disk import HANGS_S
from tests.support.late_answers import Late
from tests.support.waiting import until
from tests.support.widgets import seen_button
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


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Hold each look at the models' folder until this is set."""
    goes_on, listing = threading.Event(), ModelStore.listing

    def slowly(store: ModelStore) -> StoreListing:
        assert goes_on.wait(HANGS_S)
        return listing(store)

    monkeypatch.setattr(ModelStore, "listing", slowly)
    return goes_on


def test_the_window_goes_on_while_the_disk_of_the_models_does_not_answer(
    qapp: QApplication, listed: threading.Event
) -> None:
    async def scene(application: WindowApplication) -> None:
        session = application.session
        await settle(20)
        assert application.parts.store.present.models == ()
        assert (session.loading_path, session.info) == ("", None)
        listed.set()
        await until(lambda: session.info is not None, "the starter model")

    run_with_window(scene)


def test_what_the_user_has_asked_for_before_the_models_are_listed_holds(
    qapp: QApplication, listed: threading.Event
) -> None:
    async def scene(application: WindowApplication) -> None:
        session = application.session
        await settle(20)
        application.window.picker.unload_asked.emit("")
        listed.set()
        await until(lambda: bool(application.parts.store.present.models), "the models")
        await settle(20)
        assert (session.loading_path, session.info, session.expects_model) == ("", None, False)

    run_with_window(scene)


@pytest.mark.parametrize("of_failure", [True, False])
def test_the_report_is_copied_once_the_log_is_read(
    of_failure: bool, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(application: WindowApplication) -> None:
        reading = Late(report)
        monkeypatch.setattr("app.ui.shell.window_dialogs.report", reading)
        here: QWidget = application.window
        if of_failure:
            [notices] = here.findChildren(Notices)
            notices.error(ValueError("what nobody foresaw"))
        else:
            here = application.dialogs.open_settings_page("this computer")
        clipboard = QGuiApplication.clipboard()
        clipboard.setText("before")
        seen_button(here, "Copy report").click()
        await until(lambda: reading.waiting == 1, "the reading")
        assert clipboard.text() == "before"
        reading.let_all()
        await until(lambda: clipboard.text().startswith("stillroom "), "the report")

    run_with_window(scene)
