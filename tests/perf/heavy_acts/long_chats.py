"""Long chats and long texts: opened, scrolled, written, selected, exported."""

import asyncio
import tempfile
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit

from app.bootstrap import StillroomCore
from app.chat.store.records import StoredMessage
from app.chat.store.store import ChatStore
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.reply.reply_view import ReplyView
from tests.perf.chat_history import fill
from tests.perf.heavy_acts.desk import Act, Desk, Place
from tests.perf.long_reply import CHARACTERS, pieces

CODE_LINE = "    value = compute(first, second, [third, 17], name='lighthouse')  # what is it\n"
CODE = f"Here it is.\n\n```python\n{CODE_LINE * (200_000 // len(CODE_LINE))}```\n\nThat is all."
WORDS = "Tell me about rivers, lakes, seas, mountains and deserts, and which of them is the oldest. "
QUESTION = (WORDS * 4 + "\n") * (200_000 // (4 * len(WORDS)))
MEGABYTE = (WORDS * 4 + "\n") * (1_000_000 // (4 * len(WORDS)))
MIXED = "".join(pieces(100_000 // CHARACTERS))
MESSAGES = 400
STREAM_TURNS, STREAM_S = 200, 6.0


def prepare(core: StillroomCore) -> None:
    """Write four chats."""
    store = ChatStore(core.paths.chats)
    for title, question, answer in (
        ("code", "Code?", CODE),
        ("question", QUESTION, "Yes."),
        ("mixed", "All of it?", MIXED),
    ):
        chat = store.create_conversation(title=title)
        store.add_message(chat.id, store.add_message(chat.id, None, "user", question).id, "assistant", answer)
    fill(store, 1, MESSAGES)
    store.rename(store.conversations()[0].id, "long")
    store.close()


def acts(desk: Desk) -> dict[str, Act]:
    """Open each chat and work in it."""
    tab = desk.tab
    folder = tempfile.mkdtemp()
    live: list[ReplyView] = []

    def edit_field() -> QPlainTextEdit:
        return tab.conversation.findChildren(QuestionCard)[0].findChildren(QPlainTextEdit)[0]

    def paste() -> None:
        QGuiApplication.clipboard().setText(MEGABYTE)
        desk.field.paste()

    async def stream() -> None:
        message = StoredMessage(1, 1, None, "assistant", "", "", "m", None, "running", "", 0.0)
        view = tab.conversation.make_reply(message, None)
        live.append(view)
        tab.conversation.add_live_reply(message, view)
        view.begin()
        size = -(-len(MIXED) // STREAM_TURNS)
        for start in range(0, len(MIXED), size):
            view.add("answer", MIXED[start : start + size], size // CHARACTERS)
            await asyncio.sleep(STREAM_S / STREAM_TURNS)

    def export(title: str, kind: str) -> Act:
        return lambda: tab.list_actions.export(desk.chats[title], kind, False, Path(folder, f"a.{kind}"))

    return {
        "code block of 200 KB": lambda: desk.open("code"),
        "code block, scrolled": lambda: desk.scroll_to(0.5),
        "code block, resized": lambda: desk.window.resize(desk.window.width() - 120, desk.window.height()),
        "question of 200 KB": lambda: desk.open("question"),
        "question, edited": lambda: tab.conversation.findChildren(QuestionCard)[0].start_editing(),
        "question, a letter": lambda: edit_field().insertPlainText("a"),
        "question, one word": lambda: edit_field().appendPlainText("b"),
        "1 MB pasted": paste,
        "1 MB, a letter": lambda: desk.field.insertPlainText("a"),
        "1 MB, undone": lambda: (desk.field.undo(), desk.field.undo()),
        "1 MB, pasted again": paste,
        "1 MB, cleared": lambda: desk.field.clear(),
        "mixed reply of 100 KB": lambda: desk.open("mixed"),
        "mixed reply, scrolled": lambda: desk.scroll_to(0.4),
        "mixed reply, edited": lambda: tab.conversation.edit_last_reply(),
        "mixed reply, as it was": lambda: tab.conversation.findChildren(ReplyView)[-1].editor.close_field(),
        "mixed reply coming in": stream,
        "mixed reply ended": lambda: live[0].finish("stop", None),
        "400 messages": lambda: desk.open("long"),
        "400 messages, scrolled": lambda: desk.scroll_to(0.5),
        "400 messages, the first": lambda: tab.conversation.show_message(tab.conversation.branch[0].id),
        "all selected": tab.conversation.select_conversation,
        "all copied": tab.conversation.copy_selection,
        "none selected": tab.conversation.clear_selection,
        "another chat": lambda: desk.open("question"),
        "exported as Markdown": export("long", "markdown"),
        "exported as a web page": export("long", "html"),
        "exported as PDF": export("long", "pdf"),
        "mixed exported as PDF": export("mixed", "pdf"),
        "exported as JSON": export("long", "json"),
        "compared": lambda: tab.comparison.open(),
    }


PLACE = Place(prepare, acts)
