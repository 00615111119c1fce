"""The card of the settings that bounds what is kept of chats on the disk, in the real window."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from app.engine.batching.prefix import Held
from app.engine.kv_states.saved_states import StateFolder
from app.ui.settings.chat_states_card import ChatStatesCard
from app.ui.shell.window_application import WindowApplication
from tests.support.pages.settings_page import most_space
from tests.support.waiting import until
from tests.support.window import run_with_window


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def opened(application: WindowApplication) -> ChatStatesCard:
    card = application.dialogs.open_settings_page("general").findChild(ChatStatesCard)
    assert isinstance(card, ChatStatesCard)
    return card


def says(card: ChatStatesCard, text: str) -> bool:
    return any(text in label.text() for label in card.findChildren(QLabel))


def test_a_lower_limit_deletes_what_was_used_longest_ago() -> None:
    async def scene(application: WindowApplication) -> None:
        folder = application.parts.paths.chat_states
        for chat_key in ("old", "new"):
            StateFolder(folder, "model", 1 << 30).write(Held([1, 2], chat_key), bytearray(90_000_000))
        card = opened(application)
        await until(lambda: says(card, "180 MB are in use"), "what is used")
        field = most_space(card)
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, "0.1")
        assert len(list(folder.iterdir())) == 2
        QTest.keyClick(field, Qt.Key.Key_Tab)
        await until(lambda: says(card, "90.0 MB are in use"), "the older one to go")
        assert application.parts.settings.values.chat_states_gb == pytest.approx(0.1)

    run_with_window(scene)


def test_clear_now_deletes_all_and_keeps_the_limit() -> None:
    async def scene(application: WindowApplication) -> None:
        folder = application.parts.paths.chat_states
        StateFolder(folder, "model", 1 << 30).write(Held([1, 2], "chat"), bytearray(1_000_000))
        card = opened(application)
        [clear] = [one for one in card.findChildren(QPushButton) if one.objectName() == "clear-states"]
        await until(clear.isEnabled, "something to clear")
        QTest.keyClick(clear, Qt.Key.Key_Space)
        await until(lambda: says(card, "0 B are in use"), "the disk to be empty")
        assert list(folder.iterdir()) == []
        assert application.parts.settings.values.chat_states_gb == 2.0

    run_with_window(scene)
