"""The Chat tab with the real engine, the real starter model and a real store."""

import asyncio
import os
import signal
import zipfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import qasync
import shiboken6
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.chat.attached import content_for_model
from app.chat.choices import ReplyChoices
from app.chat.export import to_json
from app.chat.importing import read_chats
from app.chat.library import ChatLibrary
from app.chat.store import ChatStore
from app.children import child_command
from app.engine.client import EngineClient
from app.engine.messages import LoadSettings, Sampling
from app.settings import SettingsFile
from app.ui.bridge import Bridge
from app.ui.session import EngineSession
from app.ui.tabs.chat_tab import ChatTab
from app.ui.theme import Theme
from app.ui.widgets.code_card import CodeCard
from app.ui.widgets.composer import ComposerState
from app.ui.widgets.drop_veil import DropVeil
from app.ui.widgets.notices import Notices
from app.ui.widgets.question_card import QuestionCard
from app.ui.widgets.reply_view import ReplyView
from models.starter import starter_file
from tests.support.starter_variants import write_embedding_model

WAIT_S = 90
CONTEXT_TOKENS = 1024
SHORT = 16
ENDLESS = "Write a long story about a lighthouse keeper."
"""The starter model fills any context with it."""


class Desk:
    """The parts around the tab, for all tests of this file."""

    def __init__(self, application: QApplication) -> None:
        self.loop = qasync.QEventLoop(application)
        asyncio.set_event_loop(self.loop)
        self.problems: list[BaseException] = []
        self.bridge = Bridge(self.problems.append)
        self.client = EngineClient(child_command("engine"))
        self.client.start()
        self.session = EngineSession(self.client, self.bridge)
        self.theme = Theme(application, "light")

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        self.loop.run_until_complete(asyncio.wait_for(work, 3 * WAIT_S))

    def close(self) -> None:
        self.run(self.bridge.finish())
        self.client.close()
        self.loop.close()
        asyncio.set_event_loop(None)


@pytest.fixture(scope="module")
def desk(qapp: QApplication) -> Iterator[Desk]:
    path = starter_file()
    if path is None:
        pytest.skip("the starter extra is not installed")
    desk = Desk(qapp)
    desk.run(desk.session.load(path, LoadSettings(context_tokens=CONTEXT_TOKENS, threads=1)))
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

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        self.desk.run(work)
        assert self.desk.problems == []

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
        await until(lambda: self.tab.composer.state is ComposerState.READY and not self.tab.exchange.sending)

    def shown(self) -> list[str]:
        """What the column holds, as text."""
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
        [undo] = [b for b in self.notices.findChildren(QPushButton) if b.text() == "Undo"]
        undo.click()

    def titles(self) -> list[str]:
        return [chat.title for chat in self.store.conversations() if chat.title]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.005)


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
        tab = ChatTab(store, desk.session, settings, desk.theme, bridge, notices, library)
        window.setCentralWidget(tab)
        window.resize(1000, 420)
        window.show()
        yield Opened(desk, tab, store, notices, bridge, settings)
        if shiboken6.isValid(tab):
            tab.close_down()
        desk.run(bridge.finish())


def field(tab: ChatTab) -> QPlainTextEdit:
    return tab.composer.findChild(QPlainTextEdit)


def test_a_message_is_answered_kept_and_named(opened: Opened, qtbot: QtBot) -> None:
    async def scenario() -> None:
        await until(lambda: opened.tab.composer.state is ComposerState.READY)
        qtbot.keyClicks(field(opened.tab), "What is the capital of France?")
        qtbot.keyClick(field(opened.tab), Qt.Key.Key_Return)
        await until(lambda: opened.tab.running_view is not None)
        assert opened.tab.composer.state is ComposerState.RUNNING
        await opened.idle()

    opened.run(scenario())
    chat = opened.tab.chat
    assert chat is not None
    question, reply = opened.store.branch(chat.id)
    assert chat.title == "What is the capital of France?"
    assert reply.content.strip()
    assert reply.outcome in ("stop", "length")
    assert opened.shown() == [question.content, reply.content]
    view = opened.tab.conversation.messages()[1]
    assert isinstance(view, ReplyView)
    assert "tok/s" in view.stats_text
    assert "first token" in view.stats_text
    assert opened.tab.composer.text() == ""
    assert opened.tab.chats.model.index_of(chat.id).isValid()


def test_the_earlier_conversation_is_part_of_the_next_prompt(opened: Opened) -> None:
    async def scenario() -> None:
        first = await opened.reply_to("My name is Zebulon. Remember it.")
        second = await opened.reply_to("What is my name?")
        assert first.stats_text
        assert second.stats_text

    opened.run(scenario())
    assert opened.tab.chat is not None
    first, second = (m.stats for m in opened.store.branch(opened.tab.chat.id) if m.role == "assistant")
    assert first is not None
    assert second is not None
    assert second.prompt_tokens > first.prompt_tokens + first.completion_tokens


def test_escape_stops_and_keeps_what_had_come(opened: Opened, qtbot: QtBot) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        await opened.first_words()
        qtbot.keyClick(field(opened.tab), Qt.Key.Key_Escape)
        await opened.idle()

    opened.run(scenario())
    assert opened.tab.chat is not None
    reply = opened.store.branch(opened.tab.chat.id)[-1]
    assert reply.outcome == "cancelled"
    assert reply.content
    assert opened.shown()[-1].strip() == reply.content.strip()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_dead_engine_leaves_the_partial_reply_a_reason_and_a_retry(opened: Opened, qtbot: QtBot) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        view = await opened.first_words()
        pid = opened.desk.client.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGSEGV)
        await until(lambda: not view.running)
        assert view.notice_text
        assert view.answer
        assert opened.tab.chat is not None
        kept = opened.store.branch(opened.tab.chat.id)[-1]
        assert (kept.outcome, kept.content.strip()) == ("failed", view.answer.strip())
        [retry] = [b for b in view.findChildren(QPushButton) if b.text() == "Retry"]
        await opened.idle()
        qtbot.mouseClick(retry, Qt.MouseButton.LeftButton)
        again = await opened.first_words()
        assert again is not view
        opened.tab.stop()
        await opened.idle()
        assert opened.store.branch(opened.tab.chat.id)[-1].outcome == "cancelled"

    opened.run(scenario())


def test_regenerating_keeps_the_first_reply_as_a_sibling(opened: Opened, qtbot: QtBot) -> None:
    async def scenario() -> None:
        view = await opened.reply_to("What is the capital of France?")
        view.regenerate_requested.emit()
        await until(lambda: opened.tab.running_view is not None)
        await opened.idle()

    opened.run(scenario())
    assert opened.tab.chat is not None
    question, first, second = opened.store.messages(opened.tab.chat.id)
    assert first.parent_id == second.parent_id == question.id
    assert [m.id for m in opened.store.branch(opened.tab.chat.id)] == [question.id, second.id]
    assert opened.shown() == [question.content, second.content]


def test_drafts_belong_to_their_chats_and_survive(opened: Opened) -> None:
    async def scenario() -> None:
        one = opened.store.create_conversation(title="one")
        two = opened.store.create_conversation(title="two")
        opened.tab.open_chat(one.id)
        opened.tab.composer.set_text("for one")
        opened.tab.open_chat(two.id)
        assert opened.tab.composer.text() == ""
        await until(lambda: opened.store.conversation(one.id).draft == "for one")
        opened.tab.open_chat(one.id)
        assert opened.tab.composer.text() == "for one"
        opened.tab.open_chat(None)
        opened.tab.composer.set_text("not sent anywhere")
        await until(lambda: "not sent anywhere" in [chat.draft for chat in opened.store.conversations()])
        assert opened.tab.chat is not None
        assert len(opened.store.conversations()) == 4

    opened.run(scenario())


def test_what_is_typed_is_kept_when_the_program_ends(opened: Opened) -> None:
    opened.tab.open_chat(None)
    opened.tab.composer.set_text("typed a moment ago")
    opened.tab.close_down()
    assert "typed a moment ago" in [chat.draft for chat in opened.store.conversations()]


def test_a_tab_that_goes_keeps_the_reply_that_was_coming_in(opened: Opened) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        await opened.first_words()
        opened.tab.close_down()
        opened.tab.deleteLater()
        await until(lambda: not shiboken6.isValid(opened.tab))
        await opened.bridge.finish()

    opened.run(scenario())
    reply = opened.store.messages(opened.store.conversations()[0].id)[-1]
    assert (reply.outcome, bool(reply.content)) == ("cancelled", True)


def test_delete_can_be_undone(opened: Opened) -> None:
    async def scenario() -> None:
        await opened.reply_to("What is the capital of France?")
        chat = opened.tab.chat
        assert chat is not None
        opened.tab.chats.delete_requested.emit(chat.id)
        await until(lambda: opened.titles() == [] and opened.shown() == [])
        [undo] = [b for b in opened.notices.findChildren(QPushButton) if b.text() == "Undo"]
        undo.click()
        await until(lambda: opened.titles() == [chat.title] and len(opened.shown()) == 2)

    opened.run(scenario())


def test_a_reply_goes_on_while_another_chat_is_open(opened: Opened) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        view = await opened.first_words()
        first = opened.tab.chat
        assert first is not None
        opened.tab.open_chat(None)
        assert opened.shown() == []
        assert first.title in opened.tab.composer.reason
        had = len(view.answer)
        await until(lambda: len(view.answer) > had)
        opened.tab.open_chat(first.id)
        assert opened.tab.conversation.messages()[-1] is view
        opened.tab.stop()
        await opened.idle()
        assert opened.store.branch(first.id)[-1].content.strip() == view.answer.strip()

    opened.run(scenario())


def test_nothing_is_dropped_from_the_context_without_the_users_word(opened: Opened) -> None:
    async def scenario() -> None:
        chat = opened.store.create_conversation(title="long")
        parent = None
        for number in range(6):
            parent = opened.store.add_message(chat.id, parent, "user", f"question {number} " * 40).id
            parent = opened.store.add_message(chat.id, parent, "assistant", "answer " * 60).id
        opened.tab.open_chat(chat.id)
        opened.tab.composer.set_text("And now?")
        await until(lambda: opened.tab.notice.isVisible())
        assert "oldest messages" in opened.tab.notice.text
        assert "question 0" in opened.tab.notice.text
        assert opened.tab.notice.offers == ["stop", "drop", "summarise"]
        assert len(opened.tab.conversation.left_out) >= 2
        await until(lambda: "tokens" in opened.tab.composer.meter.text)
        assert "Left for the reply" in opened.tab.composer.meter.details
        opened.tab.send("And now?")
        await until(lambda: not opened.tab.exchange.sending)
        assert len(opened.store.messages(chat.id)) == 12
        assert opened.tab.composer.text() == "And now?"
        opened.tab.notice.chosen.emit("drop")
        await until(lambda: opened.tab.running_view is not None)
        opened.tab.stop()
        await opened.idle()
        assert len(opened.store.messages(chat.id)) == 14
        opened.tab.send("word " * 3000)
        await until(lambda: "too long" in opened.tab.notice.text)
        assert len(opened.store.messages(chat.id)) == 14

    opened.run(scenario())


def long_chat(store: ChatStore, choices: ReplyChoices = ReplyChoices(max_tokens=SHORT)) -> int:  # noqa: B008
    chat = store.create_conversation(title="long", choices=choices)
    parent = None
    for number in range(6):
        question = f"My boat number {number} is called Swan {number}. " * 8
        parent = store.add_message(chat.id, parent, "user", question).id
        parent = store.add_message(chat.id, parent, "assistant", "That is a fine name. " * 10).id
    return chat.id


def test_the_model_sums_up_the_oldest_messages_and_goes_on_from_there(opened: Opened) -> None:
    async def scenario() -> None:
        tab, store = opened.tab, opened.store
        chat = long_chat(store)
        tab.open_chat(chat)
        tab.composer.set_text("What is boat 5 called?")
        await until(lambda: tab.notice.isVisible())
        tab.notice.chosen.emit("summarise")
        await until(lambda: tab.exchange.summaries.writing)
        assert tab.composer.state is ComposerState.RUNNING
        await until(lambda: tab.running_view is not None)
        await opened.idle()
        [summary] = store.summaries(chat)
        assert summary.text.strip()
        assert summary.model
        assert len(store.branch(chat)) == 14
        place = [message.id for message in store.branch(chat)].index(summary.last_id)
        assert store.branch(chat)[place].role == "assistant"
        card = tab.conversation.summary
        assert card is not None
        assert card.text == summary.text
        assert not card.is_open
        assert f"{place + 1} messages" in card.title
        assert tab.conversation.left_out == frozenset()
        assert store.conversation(chat).when_full == "summarise"

        card.changed.emit(summary, "The boats are swans.")
        await until(lambda: tab.conversation.summary.text == "The boats are swans.")  # type: ignore[union-attr]
        assert "changed by you" in card.title
        tab.open_chat(None)
        assert tab.conversation.summary is None
        tab.open_chat(chat)
        assert tab.conversation.summary is not None
        tab.conversation.summary_removed.emit(store.summaries(chat)[0])
        await until(lambda: tab.conversation.summary is None)
        assert store.summaries(chat) == []
        opened.undo()
        await until(lambda: tab.conversation.summary is not None)
        assert store.summaries(chat)[0].text == "The boats are swans."

    opened.run(scenario())


def test_a_summary_can_be_stopped_and_nothing_is_sent_then(opened: Opened) -> None:
    async def scenario() -> None:
        tab, store = opened.tab, opened.store
        chat = long_chat(store, ReplyChoices(max_tokens=SHORT, when_full="summarise"))
        tab.open_chat(chat)
        tab.send("And now?")
        await until(lambda: tab.exchange.summaries.writing)
        tab.conversation.summary_cancelled.emit()
        await opened.idle()
        assert store.summaries(chat) == []
        assert len(store.branch(chat)) == 12
        assert tab.composer.text() == "And now?"
        assert tab.conversation.summary is None

    opened.run(scenario())


def test_a_chat_that_stops_when_it_is_full_sends_nothing_until_the_user_chooses(opened: Opened) -> None:
    async def scenario() -> None:
        tab, store = opened.tab, opened.store
        chat = long_chat(store)
        tab.open_chat(chat)
        tab.composer.set_text("And now?")
        await until(lambda: tab.notice.isVisible())
        tab.notice.chosen.emit("stop")
        await until(lambda: store.conversation(chat).when_full == "stop")
        tab.send("And now?")
        await until(lambda: "Nothing is sent" in tab.notice.text)
        await opened.idle()
        assert len(store.branch(chat)) == 12
        assert tab.notice.offers == ["ask"]
        tab.notice.chosen.emit("ask")
        await until(lambda: "summarise" in tab.notice.offers)

    opened.run(scenario())


def test_a_choice_goes_on_with_what_waits_for_it_and_nothing_else(opened: Opened) -> None:
    async def scenario() -> None:
        tab, store = opened.tab, opened.store
        chat = long_chat(store)
        tab.open_chat(chat)
        # Another reply to the last question does not fit: the notice stays until a choice is made.
        last = tab.conversation.branch[-1]
        tab.conversation.another_requested.emit(last)
        await until(lambda: tab.notice.isVisible())
        await tab.exchange.update_budget()
        assert tab.notice.isVisible()
        tab.notice.chosen.emit("drop")
        await until(lambda: tab.running_view is not None)
        await opened.idle()
        assert len(store.messages(chat)) == 13
        assert store.branch(chat)[-1].parent_id == last.parent_id
        # What was typed later is what is sent, not what waited before.
        tab.notice.chosen.emit("ask")
        tab.conversation.edit_requested.emit(store.branch(chat)[-2], "Changed words. " * 20)
        await until(lambda: "summarise" in tab.notice.offers and not tab.exchange.sending)
        tab.composer.set_text("Typed later")
        tab.notice.chosen.emit("drop")
        await until(lambda: tab.running_view is not None)
        await opened.idle()
        assert "Typed later" in [message.content for message in store.branch(chat)]
        assert "Changed words." not in store.branch(chat)[-2].content

    opened.run(scenario())


def test_an_embedding_model_beside_helps_to_choose_passages(opened: Opened, tmp_path: Path) -> None:
    async def scenario() -> None:
        tab, session = opened.tab, opened.desk.session
        chat_model = session.info
        assert chat_model is not None
        file = write_embedding_model(tmp_path / "embedding.gguf")
        await session.load(file, LoadSettings(context_tokens=512, threads=1, sequences=1))
        session.use(chat_model.path)
        assert session.embedding_model == str(file)
        try:
            filler = "The committee met on a rainy day and spoke about the town. " * 24
            text = "\n\n".join([filler] * 2 + ["A kitten sleeps on the windowsill. " * 12] + [filler])
            document = tmp_path / "long.txt"
            document.write_text(text, encoding="utf-8")
            await tab.attachments.attach([document])
            await opened.reply_to("Where is the sleeping cat?")
        finally:
            await session.unload(str(file))
        chat = tab.chat
        assert chat is not None
        question = opened.store.branch(chat.id)[0]
        assert question.passages
        assert any("kitten" in text[passage.start : passage.end] for passage in question.passages)
        assert opened.store.vectors.count(question.attachments[0].id) > len(question.passages)

    opened.run(scenario())


def test_sampling_and_system_prompt_belong_to_the_chat(opened: Opened) -> None:
    async def scenario() -> None:
        opened.tab.open_chat(None)
        opened.tab.choices.changed.emit(ReplyChoices("You are a pirate.", Sampling(temperature=0.0), 12))
        await until(lambda: opened.tab.chat is not None and opened.tab.chat.max_tokens == 12)
        chat = opened.tab.chat
        assert chat is not None
        opened.tab.open_chat(None)
        assert opened.tab.choices.choices == ReplyChoices()
        opened.tab.open_chat(chat.id)
        assert opened.tab.choices.choices.system_prompt == "You are a pirate."
        view = await opened.reply_to("Tell me a story.")
        assert "most tokens" in view.notice_text
        reply = opened.store.branch(chat.id)[-1]
        assert (reply.outcome, reply.stats and reply.stats.completion_tokens) == ("length", 12)

    opened.run(scenario())


def test_the_end_is_followed_unless_the_user_scrolled_up(opened: Opened) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        view = await opened.first_words()
        bar = opened.tab.conversation.verticalScrollBar()
        await until(lambda: bar.maximum() > 40)
        assert bar.value() == bar.maximum()
        bar.setValue(0)
        reached = bar.maximum()
        await until(lambda: bar.maximum() > reached + 20 or not view.running)
        assert bar.value() == 0
        opened.tab.conversation.go_to_end()
        assert bar.value() == bar.maximum()
        opened.tab.stop()
        await opened.idle()

    opened.run(scenario())


def test_a_long_chat_opens_at_its_end_and_shows_earlier_messages_on_demand(opened: Opened) -> None:
    chat = opened.store.create_conversation(title="long")
    parent = None
    for number in range(50):
        parent = opened.store.add_message(chat.id, parent, "user", f"question {number}").id
        parent = opened.store.add_message(chat.id, parent, "assistant", f"answer {number}").id
    opened.tab.open_chat(chat.id)
    assert opened.shown()[-1] == "answer 49"
    assert len(opened.shown()) < 50
    for _ in range(10):
        opened.tab.conversation.earlier_requested.emit()
    assert len(opened.shown()) == 100
    assert opened.shown()[0] == "question 0"


def test_a_chat_is_exported_and_renamed(opened: Opened, tmp_path: Path) -> None:
    async def scenario() -> None:
        await opened.reply_to("What is the capital of France?")
        chat = opened.tab.chat
        assert chat is not None
        opened.tab.chats.rename_requested.emit(chat.id, "Geography")
        await until(lambda: opened.titles() == ["Geography"])
        await opened.tab.list_actions.export(chat.id, "markdown", False, tmp_path / "chat.md")
        await opened.tab.list_actions.export(chat.id, "json", True, tmp_path / "chat.json")

    opened.run(scenario())
    assert (tmp_path / "chat.md").read_text(encoding="utf-8").startswith("# Geography\n")
    assert '"title": "Geography"' in (tmp_path / "chat.json").read_text(encoding="utf-8")


def test_enter_with_shift_breaks_the_line_and_the_field_grows(opened: Opened, qtbot: QtBot) -> None:
    before = field(opened.tab).height()
    for _ in range(5):
        qtbot.keyClicks(field(opened.tab), "line")
        qtbot.keyClick(field(opened.tab), Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert opened.tab.composer.text() == "line\n" * 5
    assert field(opened.tab).height() > before
    assert opened.tab.running_view is None


def test_in_a_narrow_window_the_drawer_takes_the_place_of_the_list(opened: Opened) -> None:
    window, tab = opened.tab.window(), opened.tab
    window.resize(1200, 600)
    tab.composer.settings.setChecked(True)
    assert tab.choices.isVisible()
    assert tab.chats.isVisible()
    window.resize(700, 600)
    QApplication.processEvents()
    assert not tab.chats.isVisible()
    tab.choices.close_requested.emit()
    assert tab.chats.isVisible()
    assert not tab.choices.isVisible()


def test_without_a_model_the_composer_says_what_to_do(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    bridge = Bridge(pytest.fail)
    session = EngineSession(EngineClient(child_command("engine")), bridge)
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as store:
        window = QMainWindow()
        qtbot.addWidget(window)
        tab = ChatTab(
            store,
            session,
            SettingsFile(tmp_path / "s.json"),
            desk.theme,
            bridge,
            Notices(window, lambda: ""),
            ChatLibrary.in_folder(tmp_path),
        )
        window.setCentralWidget(tab)
        assert tab.composer.state is ComposerState.BLOCKED
        assert "No model is loaded" in tab.composer.reason
        [remedy] = [b for b in tab.composer.findChildren(QPushButton) if b.text() == "Get a model"]
        with qtbot.waitSignal(tab.models_requested):
            remedy.click()
        session.reserve("benchmark")
        assert "being measured" in tab.composer.reason
        session.reserve("")
        assert "No model is loaded" in tab.composer.reason


def test_an_edited_question_begins_a_branch_and_arrows_lead_back(opened: Opened, qtbot: QtBot) -> None:
    async def scene() -> None:
        await opened.reply_to("Say one.")
        await opened.reply_to("Say two.")
        first = opened.shown()
        card = opened.tab.conversation.messages()[2]
        assert isinstance(card, QuestionCard)
        assert card.versions.isHidden()
        opened.tab.composer.set_text("typed meanwhile")
        card.start_editing()
        card._field.setPlainText("Say three.")
        qtbot.keyClick(card._field, Qt.Key.Key_Return)
        await until(lambda: opened.tab.running_view is not None)
        await opened.idle()
        edited = opened.shown()
        assert edited[:3] == [*first[:2], "Say three."]
        assert opened.tab.composer.text() == "typed meanwhile"
        card = opened.tab.conversation.messages()[2]
        assert isinstance(card, QuestionCard)
        assert card.versions.text == "2 of 2"
        card.versions._before.click()
        await until(lambda: opened.shown() == first)
        assert opened.tab.chat is not None
        assert [m.content for m in opened.store.branch(opened.tab.chat.id)] == first
        card = opened.tab.conversation.messages()[2]
        assert isinstance(card, QuestionCard)
        card.versions._next.click()
        await until(lambda: opened.shown() == edited)

    opened.run(scene())


def test_a_second_reply_gets_arrows(opened: Opened) -> None:
    async def scene() -> None:
        view = await opened.reply_to("Say one.")
        view.regenerate_requested.emit()
        await until(lambda: opened.tab.running_view is not None)
        await opened.idle()
        second = opened.tab.conversation.messages()[1]
        assert isinstance(second, ReplyView)
        assert second.versions.text == "2 of 2"

    opened.run(scene())


def test_a_search_hit_is_shown_in_its_place_also_in_another_branch(opened: Opened, qtbot: QtBot) -> None:
    store = opened.store
    chat = store.create_conversation(title="Long")
    parent = None
    for number in range(40):
        parent = store.add_message(
            chat.id, parent, "user" if number % 2 == 0 else "assistant", f"line {number}"
        ).id
    hidden = store.add_message(chat.id, None, "user", "the xylophone question")
    store.show_branch(chat.id, parent)

    async def scene() -> None:
        opened.tab.open_chat(None)
        opened.tab.chats.begin_search()
        opened.tab.chats.search.setText("xylo")
        await until(lambda: opened.tab.chats.results.summary == "Hits: 1")
        qtbot.keyClick(opened.tab.chats.search, Qt.Key.Key_Down)
        qtbot.keyClick(opened.tab.chats.results._list, Qt.Key.Key_Return)
        await until(lambda: opened.shown() == [hidden.content])
        opened.tab.chats.search.setText('"line 3"')
        await until(
            lambda: (
                "line 3" in opened.tab.chats.results._list.item(0).data(Qt.ItemDataRole.AccessibleTextRole)
            )
        )
        opened.tab.chats.results._on_chosen(opened.tab.chats.results._list.item(0))
        await until(lambda: "line 3" in opened.shown())
        bar = opened.tab.conversation.verticalScrollBar()
        assert bar.value() < bar.maximum()

    opened.run(scene())


def test_the_keys_go_through_the_chats_as_they_are_listed(opened: Opened, qtbot: QtBot) -> None:
    tab = opened.tab
    older = opened.store.create_conversation()
    opened.store.rename(older.id, "One")
    newer = opened.store.create_conversation()
    opened.store.rename(newer.id, "Two")
    tab.open_chat(newer.id)
    shown = [chat.id for row in range(20) if (chat := tab.chats.model.chat_at(tab.chats.model.index(row)))]
    steps = [("Next chat", 1), ("Previous chat", -1)]
    for title, step in steps if shown.index(newer.id) == 0 else steps[::-1]:
        expected = shown[shown.index(tab.chat.id) + step]
        [action] = [action for action in tab.actions() if action.text() == title]
        action.trigger()
        assert tab.chat is not None
        assert tab.chat.id == expected


def test_the_code_of_replies_is_checked_at_once(opened: Opened) -> None:
    chat = opened.store.create_conversation()
    asked = opened.store.add_message(chat.id, None, "user", "Code?")
    reply = opened.store.add_message(chat.id, asked.id, "assistant")
    answer = "```python\nreturn 1\n```\n\n```python\ndef f(:\n    pass\n```\n\n```brainfuck\n+\n```\n"
    opened.store.save_reply(reply.id, answer, "", outcome="stop")

    async def scene() -> None:
        opened.tab.open_chat(chat.id)
        good, bad, unknown = opened.tab.conversation.findChildren(CodeCard)
        await until(lambda: bool(good.verdict) and bool(bad.verdict))
        assert good.verdict.startswith("✓ valid Python")
        assert bad.verdict.startswith("✗ line 1, column 7")
        assert unknown.verdict == ""

    opened.run(scene())


def test_chats_are_pinned_and_put_into_folders(opened: Opened) -> None:
    store, rows = opened.store, opened.tab.chats.model
    one, two = (store.create_conversation(title=title) for title in ("One", "Two"))

    def shown() -> list[str]:
        return [str(rows.index(number).data()) for number in range(rows.rowCount())]

    async def scene() -> None:
        opened.tab.show_chats()
        opened.tab.chats.pin_requested.emit(one.id, True)
        await until(lambda: shown()[:2] == ["Pinned", "One"])
        opened.tab.chats.move_requested.emit(two.id, "")
        await until(lambda: shown()[2:4] == ["New folder", "Two"])
        [folder] = store.folders()
        rows.setData(rows.index_of_folder(folder.id), "Work")
        await until(lambda: "Work" in shown())
        rows.toggle_folder(folder.id)
        assert "Two" not in shown()
        opened.tab.chats.folder_delete_requested.emit(folder.id)
        await until(lambda: "Work" not in shown() and "Two" in shown())
        opened.undo()
        await until(lambda: "Work" in shown())
        [again] = store.folders()
        assert store.conversation(two.id).folder_id == again.id

    opened.run(scene())


def test_all_chats_are_exported(opened: Opened, tmp_path: Path) -> None:
    actions = opened.tab.list_actions
    chat = opened.store.create_conversation(title="A / b")
    asked = opened.store.add_message(chat.id, None, "user", "Q")
    opened.store.add_message(chat.id, asked.id, "assistant", "So \\(x^2\\).")
    opened.store.create_conversation(title="Empty")

    async def scene() -> None:
        for kind, ending in (("html", "zip"), ("markdown", "zip"), ("pdf", "zip"), ("json", "json")):
            await actions.export(0, kind, False, tmp_path / f"{kind}.{ending}")
        await actions.export(chat.id, "pdf", False, tmp_path / "one.pdf")
        with zipfile.ZipFile(tmp_path / "html.zip") as archive:
            assert archive.namelist() == ["A b.html"]
        assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF-")
        assert [chat.title for chat in read_chats(tmp_path / "json.json")] == ["A / b"]

    opened.run(scene())


def test_imported_chats_are_opened_and_can_be_taken_out_again(opened: Opened, tmp_path: Path) -> None:
    chat = opened.store.create_conversation(title="A")
    question = opened.store.add_message(chat.id, None, "user", "Q")
    path = tmp_path / "chat.json"
    path.write_text(to_json((chat, [question])), encoding="utf-8")

    async def scene() -> None:
        await opened.tab.list_actions.import_from(path)
        assert opened.titles() == ["A", "A"]
        assert opened.shown() == ["Q"]
        opened.undo()
        await until(lambda: opened.titles() == ["A"] and opened.shown() == [])

    opened.run(scene())


def test_a_document_goes_along_whole_and_stays_with_its_question(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("The code word is marmalade.", encoding="utf-8")

    async def scene() -> None:
        opened.tab.composer.files_given.emit([path, tmp_path / "missing.txt"])
        await until(lambda: opened.tab.composer.attachments.names == ["note.txt"])
        await until(
            lambda: any("missing.txt" in label.text() for label in opened.notices.findChildren(QLabel))
        )
        await opened.reply_to("What is the code word?")
        assert opened.tab.composer.attachments.names == []
        chat = opened.tab.chat
        assert chat is not None
        question = opened.store.branch(chat.id)[0]
        assert [attachment.name for attachment in question.attachments] == ["note.txt"]
        assert question.passages is None
        assert "marmalade" in content_for_model(question)
        card = opened.tab.conversation.messages()[0]
        assert isinstance(card, QuestionCard)
        assert card.attachments.names == ["note.txt"]
        card.edited.emit("Say the code word.")
        await until(lambda: opened.tab.running_view is not None)
        await opened.idle()
        edited = opened.store.branch(chat.id)[0]
        assert edited.content == "Say the code word."
        assert [attachment.text for attachment in edited.attachments] == ["The code word is marmalade."]

    opened.run(scene())


def test_of_a_long_document_the_fitting_passages_go_along_and_are_named(
    opened: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "book.txt"
    filler = "Nothing happens in this part of the book, and the weather is fine.\n\n" * 400
    path.write_text(filler + "The lighthouse keeper is called Ines.\n\n" + filler, encoding="utf-8")

    async def scene() -> None:
        await opened.tab.attachments.attach([path])
        view = await opened.reply_to("What is the lighthouse keeper called?")
        chat = opened.tab.chat
        assert chat is not None
        question = opened.store.branch(chat.id)[0]
        assert question.passages
        assert "Ines" in content_for_model(question)
        assert len(content_for_model(question)) < len(filler)
        assert len(view.sources.texts) == len(question.passages)
        [place] = [
            passage
            for passage in question.passages
            if "Ines" in question.attachments[0].text[passage.start : passage.end]
        ]
        dialog = opened.tab.attachments.show_document(question.attachments[0], question.passages, place)
        assert dialog.first_shown
        dialog.close()

    opened.run(scene())


def dragged(*paths: Path) -> tuple[QMimeData, QDragEnterEvent, QDropEvent]:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    button, key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, button, key)
    return data, enter, QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, button, key)


def test_documents_dropped_anywhere_are_attached_and_models_are_not(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("text", encoding="utf-8")
    tab = opened.tab
    veil = tab.findChild(DropVeil)

    async def scene() -> None:
        _model, enter, _drop = dragged(tmp_path / "model.gguf")
        enter.ignore()
        QApplication.sendEvent(tab, enter)
        assert not enter.isAccepted()

        _data, enter, drop = dragged(path)
        QApplication.sendEvent(tab, enter)
        assert enter.isAccepted()
        assert veil.isVisibleTo(tab)
        QApplication.sendEvent(tab, drop)
        assert not veil.isVisibleTo(tab)
        await until(lambda: tab.composer.attachments.names == ["a.md"])

    opened.run(scene())


def test_a_waiting_document_is_kept_with_its_chat_and_can_be_taken_away(
    opened: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "a.md"
    path.write_text("text", encoding="utf-8")

    async def scene() -> None:
        await opened.tab.attachments.attach([path])
        chat = opened.tab.chat
        assert chat is not None
        opened.tab.open_chat(None)
        assert opened.tab.composer.attachments.names == []
        opened.tab.open_chat(chat.id)
        assert opened.tab.composer.attachments.names == ["a.md"]
        opened.tab.composer.attachments.removed.emit(opened.tab.attachments.waiting[0])
        await until(lambda: opened.tab.composer.attachments.names == [])
        opened.undo()
        await until(lambda: opened.tab.composer.attachments.names == ["a.md"])

    opened.run(scene())
