"""The settings' page of other computers, in the whole window, with a real rpc-server on loopback."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QWidget

from app.engine.protocol import RpcServer
from app.ui.settings.other_computers_page import OtherComputersPage
from app.ui.shell.window_application import WindowApplication
from tests.support.rpc_server import free_port, rpc_server
from tests.support.waiting import until
from tests.support.widgets import seen, seen_button, seen_words
from tests.support.window import run_with_window


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def open_page(application: WindowApplication) -> OtherComputersPage:
    page = application.dialogs.open_settings_page("other computers").findChild(OtherComputersPage)
    assert isinstance(page, OtherComputersPage)
    return page


def enter(page: QWidget, address: str) -> None:
    field = page.findChild(QLineEdit, "rpc-address")
    assert isinstance(field, QLineEdit)
    field.setText(address)
    field.textEdited.emit(address)
    seen_button(page, "Add").click()


@pytest.mark.rpc
def test_a_computer_is_added_with_its_memory_and_removed(qapp: QApplication) -> None:
    with rpc_server() as den:

        async def scene(application: WindowApplication) -> None:
            settings = application.parts.settings
            page = open_page(application)
            enter(page, den.endpoint)
            await until(lambda: "of memory free" in seen_words(page), "its memory")
            assert settings.values.load.rpc_servers == (RpcServer(den.endpoint),)
            assert [device.description for device in application.session.remote] == [den.endpoint]
            seen_button(page, "Remove").click()
            assert settings.values.load.rpc_servers == ()
            await until(lambda: den.endpoint not in seen_words(page), "its end")

        run_with_window(scene)


def test_a_computer_that_does_not_answer_stays_and_says_why(qapp: QApplication) -> None:
    address = f"127.0.0.1:{free_port()}"

    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        enter(page, address)
        await until(lambda: "cannot" in seen_words(page), "the reason")
        assert application.parts.settings.values.load.rpc_servers == (RpcServer(address),)

    run_with_window(scene)


def test_an_address_of_the_internet_needs_a_second_word(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        settings = application.parts.settings
        page = open_page(application)
        enter(page, "100.64.0.1:50052")
        await until(lambda: "not in the local network" in seen_words(page), "the refusal")
        assert settings.values.load.rpc_servers == ()
        seen_button(page, "Add it all the same").click()
        await until(lambda: bool(settings.values.load.rpc_servers), "the computer")
        assert settings.values.load.rpc_servers == (RpcServer("100.64.0.1:50052", anywhere=True),)
        await until(lambda: "allowed by you" in seen_words(page), "its line")

    run_with_window(scene)


def test_an_empty_field_says_what_is_missing(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        add = seen_button(page, "Add")
        assert not add.isEnabled()
        assert "address" in add.toolTip()
        field = seen(page, QLineEdit, "Address of the other computer")
        field.setText(" ")
        assert not add.isEnabled()
        field.setText("den-pc")
        assert add.isEnabled()
        assert not add.toolTip()

    run_with_window(scene)


def test_what_is_no_address_is_refused_at_once(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        enter(page, "http://den-pc")
        assert "is no address" in seen_words(page)
        assert application.parts.settings.values.load.rpc_servers == ()

    run_with_window(scene)


def test_when_they_help_is_kept(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        (use,) = page.findChildren(QComboBox)
        assert use.currentData() == "too_large"
        use.setCurrentIndex(1)
        use.activated.emit(1)
        assert application.parts.settings.values.load.rpc_use == "always"

    run_with_window(scene)
