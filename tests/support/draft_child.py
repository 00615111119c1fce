"""A window in which somebody types without a pause: `python -m tests.support.draft_child SEED`.

In `STILLROOM_HOME`, without a reply. Now and then another chat is opened, a new one or an older one.
It prints a JSON line with every piece that is typed: the `chat` as it is known here, its whole `text`, and
`at_s` on the clock that all processes share. SIGTERM closes the window.
"""

import asyncio
import json
import random
import sys
import time

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit

from app.base.shutdown import end_at_once
from app.bootstrap import build_core
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell import program
from app.ui.shell.window_application import WindowApplication
from app.window_bootstrap import program_parts
from models.system.notices import NoticeInbox

PIECE_S = 0.03
LEAVES = 0.03
"""The share of pieces after which another chat is opened."""


async def type_on(application: WindowApplication, randomly: random.Random) -> None:
    tab = application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    number = 0
    while True:
        tab.open_chat(None)
        chats = [chat.id for chat in application.parts.chats.conversations()]
        if chats and randomly.random() < 0.5:
            tab.open_chat(randomly.choice(chats))
        mark = tab.composer.text().split(" ")[0]
        if not mark:
            number += 1
            mark = f"draft-{sys.argv[1]}-{number}"
            tab.composer.set_text(mark + " ")
        field = tab.composer.findChild(QPlainTextEdit)
        while True:
            QTest.keyClicks(field, randomly.choice(["sea ", "lamp ", "storm ", "a", "b "]))
            say(mark, tab.composer.text())
            await asyncio.sleep(PIECE_S * randomly.random() * 2)
            if randomly.random() < LEAVES:
                break


def say(mark: str, text: str) -> None:
    print(json.dumps({"chat": mark, "text": text, "at_s": time.monotonic()}), flush=True)


def main() -> None:
    core = build_core()
    core.settings.update(first_run_over=True)
    told = NoticeInbox()
    typing: list[asyncio.Future[None]] = []

    def begin(application: WindowApplication) -> None:
        typing.append(asyncio.ensure_future(type_on(application, random.Random(int(sys.argv[1])))))

    end_at_once(program.run_window(lambda: program_parts(core, told), core.paths.data, (), begin))


if __name__ == "__main__":
    main()
