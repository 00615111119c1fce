"""The words of an empty chat."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.conversation.empty_chat import EmptyChat
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import run_with_window, settle


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_it_does_not_scroll_where_all_of_it_is_seen(
    language: str, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asked for the height of its labels in the width that Qt finds beautiful."""
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))

    async def scene(application: WindowApplication) -> None:
        application.parts.settings.update(language=language)
        await settle()
        application.window.resize(1000, 700)
        await until(lambda: application.session.info is not None, "the starter model")
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        await settle()
        conversation = tab.conversation
        [empty] = conversation.findChildren(EmptyChat)
        assert empty.isVisible()
        assert empty.heightForWidth(empty.width()) < conversation.viewport().height()
        assert conversation.verticalScrollBar().maximum() == 0

    run_with_window(scene)
