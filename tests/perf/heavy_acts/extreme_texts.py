"""Replies of 300 KB that are one block: of short lines, of rare letters, or of one line without a space; and
such texts in the message field."""

import sys
import unicodedata
from collections.abc import Mapping

from PySide6.QtGui import QGuiApplication, QTextCursor

from app.bootstrap import StillroomCore
from app.chat.store.store import ChatStore
from app.ui.reply.reply_view import ReplyView
from tests.perf.heavy_acts.desk import Act, Desk, Place

SIZE = 300_000
CODE_LINE = "value = f(2, 7)\n"
OTHER_LINE = "value of it, é\n"
ITEM = "- item of list\n"
ONE_LINE = "x1" * (SIZE // 2)
RARE_LETTERS = 90_000
"""300 KB of UTF-8."""
STRIDE = 7_919
"""Neighbours are of different scripts."""


def rare_lines() -> str:
    """Lines of letters and signs of all scripts, each of which is in one place only."""
    letters = [
        letter for letter in map(chr, range(0x80, sys.maxunicode)) if unicodedata.category(letter)[0] in "LNS"
    ]
    mixed = "".join(letters[number * STRIDE % len(letters)] for number in range(RARE_LETTERS))
    return "".join(f"{mixed[start : start + 40]}\n" for start in range(0, len(mixed), 40))


def _place(texts: Mapping[str, str]) -> Place:
    def prepare(core: StillroomCore) -> None:
        """Write a chat for each, and a short one."""
        store = ChatStore(core.paths.chats)
        for title, answer in {**texts, "short": "Yes."}.items():
            chat = store.create_conversation(title=title)
            question = store.add_message(chat.id, None, "user", "All?")
            store.add_message(chat.id, question.id, "assistant", answer)
        store.close()

    def acts(desk: Desk) -> dict[str, Act]:
        """Do the same with each."""
        return {f"{title}, {name}": act for title in texts for name, act in _acts_with(desk, title).items()}

    return Place(prepare, acts)


def _acts_with(desk: Desk, title: str) -> dict[str, Act]:
    conversation, window = desk.tab.conversation, desk.window
    reply = lambda: conversation.findChildren(ReplyView)[-1]  # noqa: E731
    return {
        "opened": lambda: desk.open(title),
        "to its start": lambda: desk.scroll_to(0.0),
        "scrolled": lambda: desk.scroll_to(0.5),
        "to its end": lambda: desk.scroll_to(1.0),
        "resized": lambda: window.resize(window.width() - 120, window.height()),
        "resized back": lambda: window.resize(window.width() + 120, window.height()),
        "theme": lambda: desk.change(theme="dark"),
        "theme back": lambda: desk.change(theme="light"),
        "text larger": lambda: desk.change(zoom_percent=125),
        "text as it was": lambda: desk.change(zoom_percent=100),
        "all selected": conversation.select_conversation,
        "all copied": conversation.copy_selection,
        "none selected": conversation.clear_selection,
        "edited": lambda: conversation.edit_last_reply(),
        "as it was": lambda: reply().editor.close_field(),
        "left": lambda: desk.open("short"),
        "opened again": lambda: desk.open(title),
        "left again": lambda: desk.open("short"),
    }


def _field_acts(desk: Desk) -> dict[str, Act]:
    pasted = {"lines": ITEM * 18_600, "rare letters": rare_lines(), "one line": ONE_LINE}
    return {
        f"{title}, {name}": act
        for title, text in pasted.items()
        for name, act in _field_acts_with(desk, title, text).items()
    }


def _field_acts_with(desk: Desk, title: str, text: str) -> dict[str, Act]:
    field = desk.field

    def scroll() -> None:
        bar = field.verticalScrollBar()
        bar.setValue(bar.maximum() // 2)

    def paste() -> None:
        QGuiApplication.clipboard().setText(text)
        field.setFocus()
        field.paste()

    return {
        "pasted": paste,
        "typed into": lambda: desk.type_into(field, "a"),
        "to its start": lambda: field.moveCursor(QTextCursor.MoveOperation.Start),
        "typed into there": lambda: desk.type_into(field, "a"),
        "scrolled": scroll,
        "resized": lambda: desk.window.resize(desk.window.width() - 120, desk.window.height()),
        "resized back": lambda: desk.window.resize(desk.window.width() + 120, desk.window.height()),
        "theme": lambda: desk.change(theme="dark"),
        "theme back": lambda: desk.change(theme="light"),
        "chat left": lambda: desk.open("short"),
        "chat back": lambda: desk.open("other"),
        "undone": field.undo,
        "redone": field.redo,
        "all selected": field.selectAll,
        "cut": field.cut,
    }


PLACE = _place(
    {
        "code": f"```python\n{CODE_LINE * (SIZE // len(CODE_LINE))}```\n",
        "text": f"```\n{OTHER_LINE * (SIZE // len(CODE_LINE))}```\n",
        "list": ITEM * 18_800,
    }
)
RARE_PLACE = _place({"code": f"```python\n{rare_lines()}```\n", "prose": rare_lines()})
ONE_LINE_PLACE = _place({"code": f"```\n{ONE_LINE}\n```\n", "prose": ONE_LINE})
FIELD_PLACE = Place(_place({"other": "Yes."}).prepare, _field_acts)
