"""A Chat tab on the real engine, a model of few layers and a store of its own."""

from collections.abc import Coroutine, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtWidgets import QApplication, QMainWindow, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.chat.library.library import ChatLibrary
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.store import ChatStore
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings, Sampling
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.base.theme import Theme
from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.composing.composer import ComposerState
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext
from tests.support.event_loop import close_loop, open_loop, run_step
from tests.support.starter_variants import shallow_path
from tests.support.templates import chat_templates
from tests.support.waiting import until
from tests.support.widgets import all_seen

WAIT_S = 90
CONTEXT_TOKENS = 1024
SHORT = 16
ENDLESS = "Write a long story about a lighthouse keeper."
"""The starter model fills any context with it."""


class Desk:
    """The parts around the tab, for all tests of a file."""

    def __init__(self, application: QApplication, command: Sequence[str]) -> None:
        self.loop = open_loop(application)
        self.problems: list[BaseException] = []
        self.bridge = Bridge(self.problems.append)
        self.client = EngineClient(command)
        self.client.start()
        self.session = EngineSession(self.client, self.bridge, chat_templates())
        self.theme = Theme(application, "light")

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        run_step(self.loop, work, 3 * WAIT_S)

    def close(self) -> None:
        self.run(self.bridge.finish())
        self.client.close()
        close_loop(self.loop)


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The model of the desk; a file of tests may give it another one."""
    return Path(shallow_path())


@pytest.fixture(scope="module")
def engine_command() -> Sequence[str]:
    """The engine of the desk; a file of tests may give it another one."""
    return child_command("engine")


@pytest.fixture(scope="module")
def desk(qapp: QApplication, model_file: Path, engine_command: Sequence[str]) -> Iterator[Desk]:
    desk = Desk(qapp, engine_command)
    desk.run(desk.session.load(model_file, LoadSettings(context_tokens=CONTEXT_TOKENS, threads=1)))
    yield desk
    desk.close()


@dataclass
class Opened:
    """A tab on a store of its own."""

    desk: Desk
    tab: ChatTab
    store: ChatStore
    notices: Notices
    bridge: Bridge
    settings: SettingsFile
    awaited: list[str] = field(default_factory=list)
    """The failures that a test is about."""

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        self.desk.run(work)
        assert self.desk.problems == []
        assert [text for text in self.tab.failures.texts if text not in self.awaited] == []

    async def reply_to(self, text: str) -> ReplyView:
        """Send and wait for the end of the reply."""
        self.tab.send(text)
        await until(lambda: self.tab.running_view is not None)
        view = self.tab.running_view
        assert view is not None
        await self.idle()
        return view

    async def first_words(self) -> ReplyView:
        """Wait until the running reply has begun to show."""
        await until(lambda: self.tab.running_view is not None and bool(self.tab.running_view.answer))
        view = self.tab.running_view
        assert view is not None
        return view

    async def idle(self) -> None:
        await until(lambda: self.tab.composer.state is ComposerState.READY and self.tab.exchange.here is None)

    def shown(self) -> list[str]:
        """Return what the column holds, as text."""
        return [
            widget.text if isinstance(widget, QuestionCard) else widget.answer
            for widget in self.tab.conversation.messages()
            if isinstance(widget, QuestionCard | ReplyView)
        ]

    def unlimited(self) -> None:
        """Let the replies of the open chat be as long as they want."""
        self.tab.choices.show_choices(ReplyChoices(), self.settings.values.sampling)

    def undo(self) -> None:
        """Press the newest notice's button."""
        all_seen(self.notices, QPushButton, "Undo")[-1].click()

    def titles(self) -> list[str]:
        return [chat.title for chat in self.store.conversations() if chat.title]


@pytest.fixture
def opened(desk: Desk, qtbot: QtBot, tmp_path: Path) -> Iterator[Opened]:
    desk.problems.clear()
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as store:
        window = QMainWindow()
        qtbot.addWidget(window)
        notices = Notices(window, lambda: "")
        settings = SettingsFile(tmp_path / "settings.json")
        settings.update(sampling=Sampling(temperature=0.0, seed=1))
        # The model answers with this many tokens at most unless a test wants more.
        store.create_conversation(choices=ReplyChoices(max_tokens=SHORT))
        library = ChatLibrary.in_folder(tmp_path)
        # As in the window: what a tab has begun ends with it.
        bridge = Bridge(desk.problems.append)
        ui = UiContext(desk.session, settings, desk.theme, bridge, notices, PlotLibrary(bridge))
        tab = ChatTab(ui, store, library)
        window.setCentralWidget(tab)
        window.resize(1000, 420)
        window.show()
        yield Opened(desk, tab, store, notices, bridge, settings)
        if shiboken6.isValid(tab):
            tab.close_down()()
        desk.run(bridge.finish())


def field(tab: ChatTab) -> QPlainTextEdit:
    return tab.composer.findChild(QPlainTextEdit)
