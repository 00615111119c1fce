"""Replies of 300 KB that are one block: a block of code, and a list, of short lines."""

from app.bootstrap import StillroomCore
from app.chat.store.store import ChatStore
from app.ui.reply.reply_view import ReplyView
from tests.perf.heavy_acts.desk import Act, Desk, Place

SIZE = 300_000
CODE_LINE = "value = f(2, 7)\n"
OTHER_LINE = "value of it, é\n"
ITEM = "- item of list\n"
TEXTS = {
    "code": f"```python\n{CODE_LINE * (SIZE // len(CODE_LINE))}```\n",
    "text": f"```\n{OTHER_LINE * (SIZE // len(CODE_LINE))}```\n",
    "list": ITEM * 18_800,
}


def prepare(core: StillroomCore) -> None:
    """Write a chat for each, and a short one."""
    store = ChatStore(core.paths.chats)
    for title, answer in {**TEXTS, "short": "Yes."}.items():
        chat = store.create_conversation(title=title)
        store.add_message(chat.id, store.add_message(chat.id, None, "user", "All?").id, "assistant", answer)
    store.close()


def acts(desk: Desk) -> dict[str, Act]:
    """Do the same with each."""
    return {f"{title}, {name}": act for title in TEXTS for name, act in _acts_with(desk, title).items()}


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


PLACE = Place(prepare, acts)
