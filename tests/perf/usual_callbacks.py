"""The GUI thread's longest pieces of work in an ordinary half-minute: `python -m tests.perf.usual_callbacks`.

In a home of its own a chat of 200 messages is opened and scrolled, a message is typed and answered by the
starter, and all tabs are shown twice. What computes most is printed with its place, then what took longest.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from PySide6.QtWidgets import QPlainTextEdit

from app.base.paths import app_paths
from app.base.shutdown import end_at_once
from app.bootstrap import build_core
from app.chat.store.store import ChatStore
from app.engine.protocol import Delta, Event
from app.ui.shell import program
from app.ui.shell.callback_watch import Callback, Figures, WatchedLoop
from app.ui.shell.window_application import WindowApplication
from app.window_bootstrap import program_parts
from models.system.notices import NoticeInbox
from tests.perf.chat_history import fill
from tests.support.waiting import until
from tests.support.window_child import SETTINGS, begin_work, chat_tab, loaded

CHATS, MESSAGES = 4, 200
PAGES = ("models", "benchmark", "code", "chat")
STEP_S = 0.3


async def scene(application: WindowApplication) -> None:
    """Use the window as anybody does, then close it."""
    loop = asyncio.get_running_loop()
    await loaded(application)
    tab = chat_tab(application)
    if isinstance(loop, WatchedLoop) and loop.watch is not None and "--start" not in sys.argv:
        for page in PAGES:
            application.window.show_page(page)
            await asyncio.sleep(1)
        loop.watch.forget()
    for chat in application.parts.chats.conversations()[:4]:
        tab.open_chat(chat.id)
        await asyncio.sleep(2 * STEP_S)
    field = tab.composer.findChild(QPlainTextEdit)
    assert isinstance(field, QPlainTextEdit)
    for letter in "Tell me a story about a lighthouse and a boat. " * 3:
        field.insertPlainText(letter)
        await asyncio.sleep(0.03)
    seen: list[Event] = []
    application.session.client.observe_events(
        lambda event: seen.append(event) if isinstance(event, Delta) else None
    )
    tab.send("Tell me a long story about the sea.")
    await until(lambda: bool(seen), "the reply", 60)
    for page in (*PAGES, *PAGES):
        application.window.show_page(page)
        await asyncio.sleep(STEP_S)
    await asyncio.sleep(3)
    tab.stop()
    await asyncio.sleep(1)
    application.window.close()


def main() -> None:
    """Begin anew in an empty home where the figures go, then use the window there."""
    if program.CALLBACKS_VARIABLE not in os.environ:
        _in_a_home()
        return
    store = ChatStore(app_paths().chats)
    if not store.conversations():
        fill(store, CHATS, MESSAGES)
    store.close()
    core = build_core()
    core.settings.update(load=SETTINGS, first_run_over=True)
    told = NoticeInbox()
    end_at_once(
        program.run_window(
            lambda: program_parts(core, told), core.paths.data, (), lambda one: begin_work(one, scene(one))
        )
    )


def _in_a_home() -> None:
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        subprocess.run(
            [sys.executable, "-m", "tests.perf.usual_callbacks", *sys.argv[1:]],
            env={
                **os.environ,
                program.CALLBACKS_VARIABLE: str(figures),
                "STILLROOM_HOME": str(Path(folder) / "home"),
            },
            check=True,
        )
        found = msgspec.json.decode(figures.read_bytes(), type=Figures)
    print(f"{found.count} pieces of work")
    _tell("computed most", found.most_computed)
    _tell("took longest", found.longest)


def _tell(title: str, worst: list[Callback]) -> None:
    print(f"\n{title}:")
    for one in worst:
        times = " ".join(f"{1000 * each:6.1f}" for each in (one.cpu_s, one.wall_s, one.waited_s))
        print(f"{times} ms (computing, in all, waited)  {one.what}")
        print("\n".join(f"        {line}" for line in one.stack.splitlines()[-12:]))


if __name__ == "__main__":
    main()
