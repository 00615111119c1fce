"""The settings' page of Hugging Face, in the whole window, with a hub on loopback."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLineEdit

from app.hub_choices import HubChoices
from app.ui.models.models_tab import ModelsTab
from app.ui.settings.hugging_face_page import HuggingFacePage
from app.ui.shell.window_application import WindowApplication
from tests.support.hub import LoopbackHub
from tests.support.key_store import KeyringStandIn
from tests.support.waiting import WAIT_S, until
from tests.support.widgets import click, seen, seen_button, seen_words
from tests.support.window import run_with_window

TOKEN = "hf_abcdefghijklmnop"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("models.hub.hub_client.get_token", lambda: None)
    return tmp_path


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> KeyringStandIn:
    made = KeyringStandIn()
    monkeypatch.setitem(sys.modules, "keyring", made)
    return made


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with LoopbackHub() as server:
        server.accounts[TOKEN] = "somebody"
        yield server


def open_page(application: WindowApplication) -> HuggingFacePage:
    page = application.dialogs.open_settings_page("hugging face").findChild(HuggingFacePage)
    assert isinstance(page, HuggingFacePage)
    return page


def enter(page: HuggingFacePage, name: str, text: str) -> None:
    field = seen(page, QLineEdit, name)
    field.setText(text)
    field.editingFinished.emit()


def test_a_token_is_kept_masked_checked_and_removed_with_an_undo(
    qapp: QApplication, hub: LoopbackHub, store: KeyringStandIn
) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        await until(lambda: "No token is kept" in seen_words(page), "the page")
        enter(page, "Mirror", hub.endpoint)
        click(seen_button(page, "Check"))
        await until(lambda: "No token is set" in seen_words(page), "the answer without a token")
        enter(page, "Access token", TOKEN)
        click(seen_button(page, "Keep"))
        await until(lambda: "hf_••••••••mnop is kept" in seen_words(page), "the masked token")
        assert TOKEN not in seen_words(page)
        assert seen(page, QLineEdit, "Access token").text() == ""
        click(seen_button(page, "Check"))
        await until(lambda: "belongs to somebody" in seen_words(page), "the owner")
        click(seen_button(page, "Remove"))
        await until(lambda: "The token is removed" in seen_words(page), "its end")
        assert not store.kept
        click(seen_button(page, "Undo"))
        await until(lambda: "is kept in" in seen_words(page), "the token again")
        assert list(store.kept.values()) == [TOKEN]

    run_with_window(scene)


def test_a_wrong_token_is_named_by_the_check(
    qapp: QApplication, hub: LoopbackHub, store: KeyringStandIn
) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        enter(page, "Mirror", hub.endpoint)
        enter(page, "Access token", "hf_somebody_elses")
        click(seen_button(page, "Keep"))
        await until(lambda: "is kept in" in seen_words(page), "the token")
        click(seen_button(page, "Check"))
        await until(lambda: "does not know this access token" in seen_words(page), "the reason")

    run_with_window(scene)


def test_a_token_that_the_key_store_does_not_give_up_is_not_called_removed(
    qapp: QApplication, store: KeyringStandIn
) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        enter(page, "Access token", TOKEN)
        click(seen_button(page, "Keep"))
        await until(lambda: "hf_••••••••mnop is kept" in seen_words(page), "the masked token")
        store.broken = True
        click(seen_button(page, "Remove"))
        await until(lambda: "if it holds the key, it still does" in seen_words(page), "the refusal")
        assert "The token is removed" not in seen_words(page)
        assert store.kept
        assert application.parts.hub_choices.token() == ""

    run_with_window(scene)


def test_without_a_key_store_it_is_said_how_long_the_token_holds(
    qapp: QApplication, store: KeyringStandIn
) -> None:
    store.broken = True

    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        enter(page, "Access token", TOKEN)
        click(seen_button(page, "Keep"))
        await until(lambda: "only until Stillroom ends" in seen_words(page), "the warning")
        assert application.parts.hub_choices.token() == TOKEN

    run_with_window(scene)


def test_what_was_kept_before_is_read_late_and_shown_first(
    qapp: QApplication, store: KeyringStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.broken = True
    may_read, read = threading.Event(), HubChoices.token

    def read_late(choices: HubChoices) -> str:
        may_read.wait(WAIT_S)
        return read(choices)

    monkeypatch.setattr(HubChoices, "token", read_late)

    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        enter(page, "Access token", TOKEN)
        click(seen_button(page, "Keep"))
        await asyncio.sleep(0.2)
        may_read.set()
        await until(lambda: "only until Stillroom ends" in seen_words(page), "the warning")
        # Where an answer may come late, no other one is under way.
        await asyncio.sleep(0.2)
        assert "only until Stillroom ends" in seen_words(page)

    run_with_window(scene)


def test_what_is_no_address_is_refused_and_changes_nothing(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        enter(page, "Proxy", "socks5://here:1080")
        assert "is no address that can be used" in seen_words(page)
        assert application.parts.settings.values.hub_proxy == ""
        enter(page, "Proxy", "here:3128")
        assert application.parts.settings.values.hub_proxy == "http://here:3128"
        assert "no address" not in seen_words(page)
        enter(page, "Mirror", "http://mirror.example")
        assert "without encryption" in seen_words(page)

    run_with_window(scene)


def test_the_environments_token_wins_and_that_is_said(
    qapp: QApplication, hub: LoopbackHub, store: KeyringStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)

    async def scene(application: WindowApplication) -> None:
        page = open_page(application)
        assert "HF_TOKEN is set in the environment (hf_••••••••mnop)" in seen_words(page)
        assert f"HF_ENDPOINT is set in the environment ({hub.endpoint})" in seen_words(page)
        click(seen_button(page, "Check"))
        await until(lambda: "token of HF_TOKEN belongs to somebody" in seen_words(page), "whose it is")

    run_with_window(scene)


def test_a_refusal_for_want_of_a_token_leads_to_the_page(qapp: QApplication, hub: LoopbackHub) -> None:
    async def scene(application: WindowApplication) -> None:
        application.parts.settings.update(hub_mirror=hub.endpoint)
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        tab.complete()
        field = seen(tab, QLineEdit, "Hugging Face id or address")
        field.setText("owner/private")
        field.returnPressed.emit()
        await until(lambda: "or it is private" in seen_words(tab), "the refusal")
        click(seen_button(tab, "Open settings"))
        await until(lambda: application.window.findChild(HuggingFacePage) is not None, "the page")

    run_with_window(scene)
