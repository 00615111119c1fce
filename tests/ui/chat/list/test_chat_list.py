"""The list of chats at the left."""

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.chat.store.records import Conversation
from app.engine.protocol import ThinkingLimits
from app.ui.base.theme import Theme
from app.ui.chat.list.chat_list import ChatList
from tests.support.waiting import wait_until


def chat(number: int) -> Conversation:
    title = f"A title of chat {number} that is longer than its row"
    return Conversation(number, title, True, "m", "", None, 0, ThinkingLimits(), "", None, 0.0, 0.0)


@pytest.mark.parametrize("zoom", [80, 100, 150])
@pytest.mark.parametrize("count", [2, 80])
def test_rows_and_the_field_for_a_title_are_as_wide_as_the_list(
    qtbot: QtBot, theme: Theme, count: int, zoom: int
) -> None:
    theme.choose("light", zoom)
    chats = ChatList(theme)
    qtbot.addWidget(chats)
    chats.resize(chats.width(), 600)
    chats.show()
    qtbot.waitExposed(chats)
    chats.show_chats([chat(number) for number in range(1, count + 1)], [], 1)
    view = chats.view
    wait_until(lambda: view.verticalScrollBar().isVisible() is (count > 2))
    index = chats.model.index_of(1)
    assert view.visualRect(index).width() == view.viewport().width()
    view.setCurrentIndex(index)
    view.edit(index)
    field = view.findChild(QLineEdit)
    assert field is not None
    assert view.viewport().rect().contains(field.geometry())


@pytest.mark.parametrize("reason", [Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.TabFocusReason])
def test_no_chat_opens_as_the_keyboard_comes_to_the_list_of_a_new_one(
    qtbot: QtBot, theme: Theme, reason: Qt.FocusReason
) -> None:
    chats = ChatList(theme)
    qtbot.addWidget(chats)
    chats.show()
    qtbot.waitExposed(chats)
    chats.show_chats([chat(number) for number in (1, 2)], [], None)
    chosen: list[int] = []
    deleted: list[int] = []
    chats.chat_chosen.connect(chosen.append)
    chats.delete_requested.connect(deleted.append)
    QCoreApplication.sendEvent(chats.view, QFocusEvent(QEvent.Type.FocusIn, reason))
    chats.view.actions()[0].trigger()
    assert (chosen, deleted) == ([], [])
    QTest.keyClick(chats.view, Qt.Key.Key_Down)
    assert chosen == [1]
    QCoreApplication.sendEvent(chats.view, QFocusEvent(QEvent.Type.FocusIn, reason))
    assert chosen == [1]
    chats.view.actions()[0].trigger()
    assert deleted == [1]
