"""The GUI thread's longest piece of work in each act that makes or lays out much:
`python -m tests.perf.heavy_callbacks [ROUNDS] [ACT ...]`.

Each round is a window of its own, in a home with long chats. Printed are milliseconds of processor time of
the longest callback of each act; with `STILLROOM_STACKS` the places of the longest ones, too.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QPushButton

from app.base.ending import end_at_once
from app.base.paths import app_paths
from app.bootstrap import build_core
from app.chat.store.store import ChatStore
from app.ui.base.callback_watch import Callback, WatchedLoop
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.shell import program
from app.ui.shell.application import WindowApplication
from app.window_bootstrap import window_parts
from models.system.notices import NoticeInbox
from tests.perf.chat_history import fill
from tests.support.window_child import SETTINGS, begin_work, chat_tab, loaded

ACT_S = float(os.environ.get("STILLROOM_ACT_S", "1.5"))
CODE_LINE = "    value = compute(first, second, [third, 17], name='lighthouse')  # what is it\n"
CODE = f"Here it is.\n\n```python\n{CODE_LINE * (200_000 // len(CODE_LINE))}```\n\nThat is all."
WORDS = "Tell me about rivers, lakes, seas, mountains and deserts, and which of them is the oldest. "
QUESTION = (WORDS * 4 + "\n") * (200_000 // (4 * len(WORDS)))
MESSAGES = 400
TITLES = ("code", "question", "long")


async def scene(application: WindowApplication, told: dict[str, list[Callback]]) -> None:
    """Do each act, and note what it took."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WatchedLoop)
    watch = loop.watch
    assert watch is not None
    await loaded(application)
    window, tab = application.window, chat_tab(application)
    await asyncio.sleep(ACT_S)
    chats = {chat.title: chat.id for chat in application.parts.chats.conversations()}

    def scroll() -> None:
        bar = tab.conversation.verticalScrollBar()
        bar.setValue(bar.maximum() // 2)

    def click(title: str) -> None:
        next(each for each in window.findChildren(QPushButton) if each.text() == title).click()

    def bench(page: str) -> None:
        shown = window.show_page("benchmark")
        assert isinstance(shown, BenchmarkTab)
        shown.show_page(page)

    def edit() -> None:
        tab.conversation.findChildren(QuestionCard)[0].start_editing()

    def edit_field() -> QPlainTextEdit:
        return tab.conversation.findChildren(QuestionCard)[0].findChildren(QPlainTextEdit)[0]

    def field() -> QPlainTextEdit:
        found = tab.composer.findChild(QPlainTextEdit)
        assert isinstance(found, QPlainTextEdit)
        return found

    def paste() -> None:
        QGuiApplication.clipboard().setText((WORDS * 4 + "\n") * (1_000_000 // (4 * len(WORDS))))
        field().paste()

    def change(**values: str | int) -> None:
        application.parts.settings.update(**values)

    acts: dict[str, Callable[[], object]] = {
        "models, first": lambda: click("Models"),
        "code, first": lambda: click("Code"),
        "benchmark, first": lambda: click("Benchmark"),
        "quality, first": lambda: bench("quality"),
        "drift, first": lambda: bench("drift"),
        "settings, first": lambda: application.dialogs.open_settings_page("general"),
        "settings, closed": lambda: application.dialogs.open_settings_page("general").close(),
        "load settings": lambda: application.dialogs.open_load_settings(),
        "chat, again": lambda: (
            [each.close() for each in window.findChildren(type(application.dialogs.make_load_settings()))],
            window.show_page("chat"),
        ),
        "code block of 200 KB": lambda: tab.open_chat(chats["code"]),
        "code block, scrolled": scroll,
        "code block, resized": lambda: window.resize(window.width() - 120, window.height()),
        "question of 200 KB": lambda: tab.open_chat(chats["question"]),
        "question, edited": edit,
        "question, a letter": lambda: edit_field().insertPlainText("a"),
        "question, one word": lambda: edit_field().appendPlainText("b"),
        "1 MB pasted": paste,
        "1 MB, a letter": lambda: field().insertPlainText("a"),
        "1 MB, cleared": lambda: field().clear(),
        "400 messages": lambda: tab.open_chat(chats["long"]),
        "400 messages, scrolled": scroll,
        "theme": lambda: change(theme="dark"),
        "theme, back": lambda: change(theme="light"),
        "text larger": lambda: change(zoom_percent=125),
        "language": lambda: change(language="zh"),
    }
    wanted = sys.argv[3:]
    for name, act in acts.items():
        watch.forget()
        loop.call_soon(act)
        await asyncio.sleep(ACT_S)
        if not wanted or any(name.startswith(each) for each in wanted):
            told[name] = watch.figures().most_computed[:3]
    application.window.close()


def main() -> None:
    """Begin anew in an empty home where there are no figures yet, then use the window there."""
    if program.CALLBACKS_VARIABLE not in os.environ:
        _rounds(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
        return
    store = ChatStore(app_paths().chats)
    for title, question, answer in (("code", "Code?", CODE), ("question", QUESTION, "Yes.")):
        chat = store.create_conversation(title=title)
        store.add_message(chat.id, store.add_message(chat.id, None, "user", question).id, "assistant", answer)
    fill(store, 1, MESSAGES)
    store.rename(store.conversations()[0].id, "long")
    store.close()
    core = build_core()
    core.settings.update(load=SETTINGS, first_run_over=True)
    told: dict[str, list[Callback]] = {}
    inbox = NoticeInbox()
    status = program.run_window(
        lambda: window_parts(core, inbox),
        core.paths.data,
        (),
        lambda one: begin_work(one, scene(one, told)),
    )
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(told))
    end_at_once(status)


def _rounds(rounds: int) -> None:
    found: dict[str, list[list[Callback]]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "told.json"
            subprocess.run(
                [sys.executable, "-m", "tests.perf.heavy_callbacks", "1", str(out), *sys.argv[2:]],
                env={
                    **os.environ,
                    program.CALLBACKS_VARIABLE: str(Path(folder) / "figures.json"),
                    "STILLROOM_HOME": str(Path(folder) / "home"),
                },
                check=True,
            )
            for name, worst in msgspec.json.decode(out.read_bytes(), type=dict[str, list[Callback]]).items():
                found.setdefault(name, []).append(worst)
    for name, each in found.items():
        times_ms = [1000 * worst[0].cpu_s for worst in each]
        then_ms = [1000 * worst[1].cpu_s for worst in each]
        print(
            f"{name:26} median {statistics.median(times_ms):6.1f} ms, most {max(times_ms):6.1f}; "
            f"the next {statistics.median(then_ms):6.1f}"
        )
        if "STILLROOM_STACKS" in os.environ:
            longest = max((worst[0] for worst in each), key=lambda one: one.cpu_s)
            print("\n".join(f"        {line}" for line in [longest.what, *longest.stack.splitlines()]))
    print(json.dumps({"rounds": rounds}))


if __name__ == "__main__":
    main()
