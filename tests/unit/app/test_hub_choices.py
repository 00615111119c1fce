import sys
from pathlib import Path

import pytest

from app.hub_choices import HubChoices
from app.remote.server_keys import KeyStoreError, ServerKeys
from app.settings import SettingsFile
from tests.support.key_store import KeyringStandIn

TOKEN = "hf_abcdefghijklmnop"


def choices(folder: Path) -> HubChoices:
    return HubChoices(SettingsFile(folder / "settings.json"), ServerKeys())


def test_a_token_is_in_the_key_store_and_not_in_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyringStandIn()
    monkeypatch.setitem(sys.modules, "keyring", store)
    choices(tmp_path).keep_token(TOKEN)
    assert store.kept == {("stillroom", "huggingface"): TOKEN}
    assert TOKEN not in (tmp_path / "settings.json").read_text()
    assert choices(tmp_path).access().token() == TOKEN
    choices(tmp_path).keep_token("")
    assert store.kept == {}
    assert choices(tmp_path).access().token() == ""


def test_a_key_store_is_not_asked_where_no_token_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert choices(tmp_path).access().token() == ""


def test_without_a_key_store_a_token_holds_until_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", KeyringStandIn(broken=True))
    made = choices(tmp_path)
    with pytest.raises(KeyStoreError, match="only until Stillroom ends"):
        made.keep_token(TOKEN)
    assert made.access().token() == TOKEN
    assert choices(tmp_path).access().token() == ""
