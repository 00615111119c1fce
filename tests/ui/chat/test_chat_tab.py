"""The Chat tab with the real engine, the real starter model and a real store."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.chat.chat_title import answer_title
from app.chat.library.library import ChatLibrary
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.store import ChatStore
from app.engine.client.client import EngineClient
from app.engine.protocol import Sampling
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.composing.composer import ComposerState
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext
from tests.support.chat_desk import ENDLESS, Desk, Opened, field
from tests.support.engines import starter_path
from tests.support.selecting import Hand
from tests.support.templates import chat_templates
from tests.support.waiting import until, wait_until


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The whole starter: its replies last until somebody stops them."""
    return Path(starter_path())


def test_a_message_is_answered_kept_and_named(opened: Opened, qtbot: QtBot) -> None:
    told: list[str] = []
    opened.tab.reply_ended.connect(lambda _chat, title, _seconds: told.append(title))

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
    assert told == [question.content]
    said = answer_title(reply.content) if reply.outcome == "stop" else ""
    assert chat.title == (said or question.content)
    assert opened.tab.chats.model.index_of(chat.id).data() == chat.title
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


def test_a_tab_that_goes_keeps_the_reply_that_was_coming_in(opened: Opened) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        await opened.first_words()
        opened.tab.close_down()()
        opened.tab.deleteLater()
        await until(lambda: not shiboken6.isValid(opened.tab))
        await opened.bridge.finish()

    opened.run(scenario())
    reply = opened.store.messages(opened.store.conversations()[0].id)[-1]
    assert (reply.outcome, bool(reply.content)) == ("interrupted", True)


def test_a_reply_goes_on_while_another_chat_is_open(opened: Opened) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        view = await opened.first_words()
        first = opened.tab.chat
        assert first is not None
        opened.tab.open_chat(None)
        assert opened.shown() == []
        assert opened.tab.composer.state is ComposerState.READY
        assert opened.tab.chats.model.is_busy(first.id)
        had = len(view.answer)
        await until(lambda: len(view.answer) > had)
        opened.tab.open_chat(first.id)
        assert opened.tab.conversation.messages()[-1] is view
        opened.tab.stop()
        await opened.idle()
        assert opened.store.branch(first.id)[-1].content.strip() == view.answer.strip()

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
    wait_until(lambda: len(opened.shown()) == 100)
    assert opened.shown()[0] == "question 0"


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
    session = EngineSession(EngineClient(child_command("engine")), bridge, chat_templates())
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as store:
        window = QMainWindow()
        qtbot.addWidget(window)
        settings, notices = SettingsFile(tmp_path / "s.json"), Notices(window, lambda: "")
        ui = UiContext(session, settings, desk.theme, bridge, notices, PlotLibrary(bridge))
        tab = ChatTab(ui, store, ChatLibrary.in_folder(tmp_path))
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


def test_escape_stops_a_reply_and_nothing_else(opened: Opened) -> None:
    async def scenario() -> None:
        tab = opened.tab
        [stop] = [action for action in tab.actions() if action.text() == "Stop the reply"]
        assert not stop.isEnabled()
        opened.unlimited()
        await opened.reply_to("Hello")
        tab.send(ENDLESS)
        await opened.first_words()
        assert stop.isEnabled()
        stop.trigger()
        await opened.idle()
        assert not stop.isEnabled()

    opened.run(scenario())


def test_a_field_that_uses_escape_gets_it_ahead_of_the_shortcuts(opened: Opened) -> None:
    async def scenario() -> None:
        tab = opened.tab
        await opened.reply_to("Hello")
        tab.conversation.edit_last()
        [edited] = [box for box in tab.conversation.findChildren(QPlainTextEdit) if box.isVisible()]
        search = tab.chats.findChild(QLineEdit)
        for widget in (edited, search):
            if widget is search:
                assert not claims_escape(search)
                search.setText("boat")
            assert claims_escape(widget)
        QTest.keyClick(edited, Qt.Key.Key_Escape)
        assert not edited.isVisible()
        assert not claims_escape(field(tab))
        tab.composer.set_text("/")
        await until(lambda: tab.composer.suggestions.isVisible() == claims_escape(field(tab)))

    opened.run(scenario())


def claims_escape(widget: QWidget) -> bool:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_keys_after_selecting_copy_clear_and_type(opened: Opened, qtbot: QtBot) -> None:
    tab = opened.tab
    control = Qt.KeyboardModifier.ControlModifier

    async def scenario() -> None:
        await opened.reply_to("Say one two three.")
        tab.window().activateWindow()
        hand = Hand(tab.conversation)
        hand.drag(hand.point(0, "one"), hand.point(0, "two", after=True))
        assert tab.conversation.hasFocus()
        assert hand.copied() == "one two"
        hand.key(Qt.Key.Key_V, control)
        assert tab.composer.text() == "one two"
        assert field(tab).hasFocus()
        hand.click(hand.point(0, "one"))
        hand.drag(hand.point(0, "two"), hand.point(0, "three", after=True))
        for key in (Qt.Key.Key_O, Qt.Key.Key_K):
            hand.key(key)
        assert tab.composer.text() == "one twook"
        assert hand.copied() == "two three"
        field(tab).selectAll()
        assert hand.copied() == "one twook"
        tab.composer.set_text("")
        hand.key(Qt.Key.Key_Escape)
        assert tab.conversation.selection.is_empty
        assert hand.copied() == ""

    opened.run(scenario())


def test_escape_clears_what_is_selected_before_it_stops_the_reply(opened: Opened, qtbot: QtBot) -> None:
    async def scenario() -> None:
        opened.unlimited()
        opened.tab.send(ENDLESS)
        view = await opened.first_words()
        opened.tab.window().activateWindow()
        hand = Hand(opened.tab.conversation)
        hand.drag(hand.point(0, "long"), hand.point(0, "story", after=True))
        assert hand.copied() == "long story"
        hand.key(Qt.Key.Key_Escape)
        assert opened.tab.conversation.selection.is_empty
        assert view.running
        hand.key(Qt.Key.Key_Escape)
        await opened.idle()
        assert not view.running

    opened.run(scenario())
    assert opened.tab.chat is not None
    assert opened.store.branch(opened.tab.chat.id)[-1].outcome == "cancelled"


def test_the_chat_that_is_being_answered_is_named(opened: Opened) -> None:
    async def scene() -> None:
        assert opened.tab.answering == ""
        opened.unlimited()
        opened.tab.send(ENDLESS)
        await opened.first_words()
        chat = opened.tab.chat
        assert chat is not None
        assert opened.tab.answering == (opened.store.conversation(chat.id).title or "New chat")
        opened.tab.open_chat(None)
        assert opened.tab.answering
        opened.tab.open_chat(chat.id)
        opened.tab.stop()
        await until(lambda: opened.tab.running_view is None)
        assert opened.tab.answering == ""

    opened.run(scene())
