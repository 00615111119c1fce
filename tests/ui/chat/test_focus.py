"""The keyboard's place in the Chat tab after each action: the message, unless something else is typed."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.chat.library.reply_choices import ReplyChoices
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.reply.reply_view import ReplyView
from tests.support.chat_desk import ENDLESS, Opened, field
from tests.support.engines import starter_path
from tests.support.waiting import until


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The whole starter: its replies last until somebody stops them."""
    return Path(starter_path())


@pytest.fixture
def active(opened: Opened, qtbot: QtBot) -> Opened:
    """The tab in the window that has the keyboard."""
    window = opened.tab.window()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return opened


def button_named(root: QWidget, name: str) -> QPushButton:
    [found] = [
        made
        for made in root.findChildren(QPushButton)
        if name in (made.text(), made.accessibleName()) and made.isVisible()
    ]
    return found


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def click_on_chat(opened: Opened, chat_id: int) -> None:
    chats = opened.tab.chats
    place = chats.view.visualRect(chats.model.index_of(chat_id)).center()
    QTest.mouseClick(chats.view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_a_chat_that_was_clicked_is_renamed_by_f2_and_what_is_typed_next_is_the_message(
    active: Opened, qtbot: QtBot
) -> None:
    chat = active.store.create_conversation(choices=ReplyChoices(max_tokens=8))
    active.tab.show_chats()

    async def scenario() -> None:
        click_on_chat(active, chat.id)
        await until(lambda: active.tab.chat is not None and active.tab.chat.id == chat.id)
        focus = QApplication.focusWidget()
        assert focus is not None
        qtbot.keyClick(focus, Qt.Key.Key_F2)
        editor = QApplication.focusWidget()
        assert editor is not None
        qtbot.keyClicks(editor, "Lighthouses")
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        await until(lambda: active.store.conversation(chat.id).title == "Lighthouses")
        assert active.store.branch(chat.id) == []
        focus = QApplication.focusWidget()
        assert focus is not None
        qtbot.keyClicks(focus, "H")
        assert active.tab.composer.text() == "H"
        assert QApplication.focusWidget() is field(active.tab)

    active.run(scenario())


def test_a_chat_that_was_clicked_is_deleted_by_delete(active: Opened, qtbot: QtBot) -> None:
    chat = active.store.create_conversation()
    active.tab.show_chats()

    async def scenario() -> None:
        click_on_chat(active, chat.id)
        focus = QApplication.focusWidget()
        assert focus is not None
        qtbot.keyClick(focus, Qt.Key.Key_Delete)
        await until(lambda: chat.id not in [kept.id for kept in active.store.conversations()])

    active.run(scenario())


def test_after_each_way_to_ask_and_to_stop_the_next_words_are_the_message(
    active: Opened, qtbot: QtBot
) -> None:
    tab = active.tab

    def typed_here() -> bool:
        return QApplication.focusWidget() is field(tab)

    async def scenario() -> None:
        tab.composer.set_text("Name a colour.")
        click(button_named(tab.composer, "Send"))
        await until(lambda: tab.running_view is not None)
        assert typed_here(), "sent by the button"
        await active.idle()
        reply = tab.conversation.messages()[-1]
        assert isinstance(reply, ReplyView)
        click(button_named(reply, "Regenerate the reply"))
        await until(lambda: tab.running_view is not None)
        assert typed_here(), "answered again by the button"
        await active.idle()
        question = tab.conversation.messages()[0]
        assert isinstance(question, QuestionCard)
        click(button_named(question, "Edit the message and ask again"))
        edited = QApplication.focusWidget()
        assert edited is not None
        qtbot.keyClick(edited, Qt.Key.Key_Escape)
        assert typed_here(), "edit given up"
        tab.conversation.edit_last()
        edited = QApplication.focusWidget()
        assert edited is not None
        qtbot.keyClick(edited, Qt.Key.Key_Return)
        assert typed_here(), "asked again by Enter"
        await until(lambda: tab.running_view is not None)
        assert typed_here(), "asked again by Enter, while it is answered"
        await active.idle()
        active.unlimited()
        tab.send(ENDLESS)
        await active.first_words()
        click(button_named(tab.composer, "Stop"))
        await active.idle()
        assert typed_here(), "stopped by the button"

    active.run(scenario())


def test_what_is_typed_on_a_button_of_a_reply_goes_to_the_message(active: Opened, qtbot: QtBot) -> None:
    async def scenario() -> None:
        view = await active.reply_to("Name a colour.")
        copy = button_named(view, "Copy the reply")
        copy.setFocus()
        qtbot.keyClicks(copy, "An")
        assert active.tab.composer.text() == "An"

    active.run(scenario())


def test_the_tab_key_goes_through_the_messages_from_the_top_and_then_to_the_field(
    active: Opened, qtbot: QtBot
) -> None:
    question = ["Copy the message", "Edit the message and ask again"]
    reply = ["Copy the reply", "Regenerate the reply", "Other ways to go on", "Edit the reply"]

    async def scenario() -> None:
        await active.reply_to("Name a colour.")
        view = await active.reply_to("Name another one.")
        click(button_named(view, "Regenerate the reply"))
        await until(lambda: active.tab.running_view is not None)
        await active.idle()
        active.tab.conversation.setFocus()
        names: list[str] = []
        while not field(active.tab).hasFocus():
            at = QApplication.focusWidget()
            assert at is not None
            qtbot.keyClick(at, Qt.Key.Key_Tab)
            at = QApplication.focusWidget()
            assert at is not None
            assert at is not active.tab.conversation
            names.append(at.accessibleName())
        # Code in a reply has buttons of its own.
        known = [name for name in names if name in (*question, *reply, "Earlier version", "Message")]
        assert known == [*question, *reply, *question, *reply, "Earlier version", "Message"]

    active.run(scenario())


def test_escape_empties_the_search_and_then_goes_back_to_the_message(active: Opened) -> None:
    search = active.tab.chats.search
    QTest.keyClick(
        active.tab, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert search.hasFocus()
    QTest.keyClicks(search, "sea")
    QTest.keyClick(search, Qt.Key.Key_Escape)
    assert search.hasFocus()
    assert search.text() == ""
    QTest.keyClick(search, Qt.Key.Key_Escape)
    assert field(active.tab).hasFocus()
