"""LoRA adapters in the drawer of a chat, with the real engine."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDoubleSpinBox, QPushButton, QToolButton

from app.chat.library.reply_choices import ReplyChoices
from app.engine.protocol import LoadSettings, Sampling
from app.settings import SettingsFile
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.window_application import WindowApplication
from tests.support.adapters import build_starter_adapters
from tests.support.waiting import until
from tests.support.window import run_with_window, settle


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    from app.base.paths import app_paths

    SettingsFile(app_paths().settings).update(
        load=LoadSettings(context_tokens=1024, threads=1, sequences=1), sampling=Sampling(temperature=0.0)
    )
    return tmp_path


async def answer(tab: ChatTab, text: str) -> str:
    """Ask in the open chat; what was answered."""
    tab.send(text)
    await until(lambda: tab.running_view is not None, "the reply's start")
    await until(lambda: tab.running_view is None, "the reply's end")
    return tab.conversation.branch[-1].content


def test_a_chat_keeps_its_adapters_and_others_have_none(qapp: QApplication, tmp_path: Path) -> None:
    (path,) = build_starter_adapters(tmp_path / "made", 1)

    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        store, adapters = application.parts.chats, tab.choices.adapters
        plain, adapted = (store.create_conversation(choices=ReplyChoices(max_tokens=8)).id for _ in range(2))
        tab.open_chat(plain)
        first = await answer(tab, "Name the sea.")
        tab.open_chat(adapted)
        adapters.add(str(path))
        scale = adapters.findChildren(QDoubleSpinBox)[-1]
        assert scale.accessibleName() == "Strength of adapter1"
        scale.setValue(0.8)
        assert await answer(tab, "Name the sea.") != first
        tab.open_chat(plain)
        assert adapters.loras == ()
        tab.open_chat(adapted)
        assert [(lora.path, lora.scale) for lora in adapters.loras] == [(str(path), 0.8)]
        await settle(3)
        remove = next(
            found
            for kind in (QPushButton, QToolButton)
            for found in adapters.findChildren(kind)
            if found.accessibleName() == "Remove adapter1" and not found.isHidden()
        )
        remove.click()
        assert adapters.loras == ()
        tab.choices.flush()
        await until(lambda: store.conversation(adapted).loras == (), "the change on disk")

    run_with_window(scene)
