"""A person with a real mouse selects over messages, copies, and goes on typing below."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.chat.store.store import ChatStore
from tests.support.display import RealWindow, virtual_display
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]

QUESTION = "Does it *converge*?"
ANSWER = """## It does

The sum of \\(1/n^2\\) is **bounded**.

| n | sum |
| --- | --- |
| 1 | 1.0 |

1. One
2. Two

```python
print(1)
```"""
TOP, BOTTOM = (250, 62), (1000, 680)
"""Beside the first words, and below the last ones."""


def draft(home: Path) -> str:
    """Read what is typed and not sent."""
    with closing(sqlite3.connect(f"file:{home / 'data' / 'chats.sqlite3'}?mode=ro", uri=True)) as connection:
        [(text,)] = connection.execute("SELECT draft FROM conversations").fetchall()
    return str(text)


def test_what_is_dragged_over_is_pasted_as_markdown(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with closing(ChatStore(tmp_path / "data" / "chats.sqlite3")) as store:
        chat = store.create_conversation()
        question = store.add_message(chat.id, None, "user", QUESTION)
        reply = store.add_message(chat.id, question.id, "assistant", model="m")
        store.save_reply(reply.id, ANSWER, "", outcome="stop")
    with virtual_display() as display:
        window = RealWindow(display, tmp_path)
        window.find()
        wait_until(lambda: window.colours() > 50, "the first painting")

        def copy_and_paste() -> None:
            window.drag(TOP, BOTTOM)
            window.key("ctrl+c", "ctrl+v")

        wait_until(
            lambda: f"{QUESTION}\n\n{ANSWER}" in draft(tmp_path),
            "what was copied",
            act=copy_and_paste,
        )
        assert window.close() == 0
