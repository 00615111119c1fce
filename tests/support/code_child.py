"""The Code tab at work until it is killed: `python -m tests.support.code_child`, in `STILLROOM_HOME`.

Prints JSON lines: first what the window shows of the run before, then again and again what it shows now, with
`at_s` on the clock that all processes share.
"""

import asyncio
import json
import time

from app.code.languages import language_of_file
from app.ui.code.code_tab import CodeTab
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import run_with_window

TURN_S = 0.05
WORDS_AT_MOST = 400


def say(tab: CodeTab) -> None:
    """A line for the parent, at once."""
    facts = {
        "text": tab.editor.text(),
        "beside": [file.editor.text() for file in tab.files.files if file is not tab.files.current],
        "cursor": tab.editor.textCursor().position(),
        "language": tab.editor.language.key,
        "modified": tab.document.modified,
        "exchanges": [
            [each.asked.title, each.reply.answer, each.ended] for each in tab.conversation.exchanges
        ],
    }
    print(json.dumps(facts | {"at_s": time.monotonic()}), flush=True)


async def work(application: WindowApplication) -> None:
    """Edit and ask, without end."""
    tab = application.window.show_page("code")
    assert isinstance(tab, CodeTab)
    await tab.conversation.memory.restored.wait()
    await tab.files.restored.wait()
    say(tab)
    if len(tab.files.files) == 1:
        await tab.files.new()
        tab.files.go_on(1)
    beside = tab.files.files[1].editor
    await until(lambda: application.session.info is not None, "the model")
    if not tab.editor.text():
        tab.editor.set_language(language_of_file("a.py"))
    number = len(tab.editor.text())
    while True:
        if not tab.conversation.running:
            tab.conversation.field.setPlainText(f"Write a long story about number {number}.")
            tab.conversation.ask("ask")
        elif tab.conversation.exchanges and len(tab.conversation.exchanges[-1].reply.answer) > WORDS_AT_MOST:
            tab.conversation.stop()
        number += 1
        tab.editor.insertPlainText(f"{number}\n" if number % 8 == 0 else "#")
        if number % 3 == 0:
            beside.insertPlainText(f"{number} ")
        say(tab)
        await asyncio.sleep(TURN_S)


if __name__ == "__main__":
    run_with_window(work)
