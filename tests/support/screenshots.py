"""Pictures of the window: `python -m tests.support.screenshots FOLDER`, or `--ask QUESTION FILE` for one.

The window, its engine, its benchmark and its build are real. The chat with a thinking block is a written
example (`WRITTEN_...`), because the starter model does not think: it has no speed under it.
"""

import argparse
import os
import tempfile
from pathlib import Path

from app.chat.store import ChatStore
from app.paths import app_paths
from app.ui.application import WindowApplication
from app.ui.tabs.benchmark_tab import BenchmarkTab
from app.ui.tabs.chat_tab import ChatTab
from app.ui.tabs.code_tab import CodeTab
from app.ui.widgets.reply_view import ReplyView
from models.starter import starter_file
from tests.end2end.main_job import REPO
from tests.support.checkpoints import rebuild_starter
from tests.support.hub import LoopbackHub
from tests.support.window import ask, grab, run_with_window, settle, until

SIZE = (1420, 880)
SLOW_BYTES_PER_S = 12e6

WRITTEN_QUESTION = "Does the sum of 1/n² converge? Check it in Python."
WRITTEN_THINKING = (
    "The terms are positive, so it is enough to bound the partial sums.\n\n"
    "For n ≥ 2 compare 1/n² with 1/(n(n−1)), which telescopes: the sum from 2 to N is 1 − 1/N.\n\n"
    "So every partial sum is below 2. Euler's value is π²/6, about 1.6449; a short program can check that."
)
WRITTEN_ANSWER = """Yes. For n ≥ 2 each term is below a telescoping one, 1/n² < 1/(n−1) − 1/n, so the \
partial sums stay below 2 and, being increasing, converge. Euler found the value **π²/6**.

```python
from math import pi

s = sum(1 / n**2 for n in range(1, 1_000_000))
print(s, pi**2 / 6)
```

| terms | sum | difference |
|---|---|---|
| 1,000 | 1.643935 | 0.001000 |
| 1,000,000 | 1.644933 | 0.000001 |
"""

CODE = '''"""Durations such as 1h30m."""

import re

UNITS = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> int:
    """Seconds in '1h30m', '45s', ..."""
    total = 0
    for number, unit in re.findall(r"(\\d+)([hms])", text):
        total += int(number) * UNITS[unit]
    return total
'''

CODE_TESTS = """import pytest

assert parse_duration("1h30m") == 5400
assert parse_duration("45s") == 45


def test_junk_is_refused():
    with pytest.raises(ValueError):
        parse_duration("abc")
"""

STRICTER = """    if not re.fullmatch(r"(\\d+[hms])+", text):
        raise ValueError(f"not a duration: {text!r}")
    total = 0
"""


def take_answer(question: str, path: Path) -> None:
    """Ask in the chat and save the whole window."""

    async def scene(application: WindowApplication) -> None:
        await ask(application, question)
        await settle()
        grab(application.window, path)

    run_with_window(scene)


def take_all(folder: Path) -> None:
    """Every picture of the documentation, from an empty home of its own."""
    starter = starter_file()
    assert starter is not None, "the starter model is installed by `make`"
    with tempfile.TemporaryDirectory() as home, LoopbackHub(bytes_per_s=SLOW_BYTES_PER_S) as hub:
        hub.add(REPO, rebuild_starter(starter, Path(home) / "checkpoint", shards=2))
        os.environ |= {"STILLROOM_HOME": f"{home}/stillroom", "HF_ENDPOINT": hub.endpoint}
        write_example()

        async def scenes(application: WindowApplication) -> None:
            application.window.resize(*SIZE)
            set_theme(application, "light")
            await until(lambda: application.session.info is not None, "the starter model")
            await take_chat(application, folder)
            await take_code(application, folder)
            await take_benchmark(application, folder)
            await take_models(application, folder)
            await take_doctor(application, folder)
            await take_chinese(application, folder)

        run_with_window(scenes)


def write_example() -> None:
    """The written chat with a thinking block."""
    store = ChatStore(app_paths().chats)
    chat = store.create_conversation()
    question = store.add_message(chat.id, None, "user", WRITTEN_QUESTION)
    reply = store.add_message(chat.id, question.id, "assistant", model="a written example")
    store.save_reply(reply.id, WRITTEN_ANSWER, WRITTEN_THINKING, outcome="stop")
    store.rename(chat.id, "Does the sum of 1/n² converge?")
    store.close()


def set_theme(application: WindowApplication, theme: str) -> None:
    """Change the colours as the settings dialog does."""
    application.parts.settings.update(theme=theme)


async def take_both(application: WindowApplication, folder: Path, name: str) -> None:
    """The window in both themes."""
    for theme in ("dark", "light"):
        set_theme(application, theme)
        await settle()
        grab(application.window, folder / f"{name}-{theme}.png")


async def take_chat(application: WindowApplication, folder: Path) -> None:
    """A real reply, then the written chat with its thinking folded and open."""
    chat = application.window.show_page("chat")
    assert isinstance(chat, ChatTab)
    chat.open_chat(None)
    tab = await ask(application, "Explain how rainbows form, in three sentences.")
    await take_both(application, folder, "chat-reply")
    written = next(chat for chat in application.parts.chats.conversations() if chat.titled)
    tab.open_chat(written.id)
    await take_both(application, folder, "chat")
    for view in tab.findChildren(ReplyView):
        view.thinking.set_open(True)
    await take_both(application, folder, "chat-thinking")


async def take_code(application: WindowApplication, folder: Path) -> None:
    """The editor with code in it, its tests after they were run, and a written change to accept."""
    tab = application.window.show_page("code")
    assert isinstance(tab, CodeTab)
    tab.take_code(CODE, "python")
    await take_both(application, folder, "code")
    tab.run_card.take_tests(CODE_TESTS, "python")
    tab.run_card.test_button.click()
    await until(lambda: bool(tab.run_card.problem), "the tests")
    await take_both(application, folder, "code-tested")
    tab.card.propose(CODE.replace("    total = 0\n", STRICTER))
    await take_both(application, folder, "code-changes")
    tab.card.proposal_view.left.emit()


async def take_benchmark(application: WindowApplication, folder: Path) -> None:
    """A benchmark of the starter model, before and after."""
    tab = application.window.show_page("benchmark")
    assert isinstance(tab, BenchmarkTab)
    await settle()
    grab(application.window, folder / "benchmark-empty-light.png")
    tab.run()
    await until(lambda: bool(application.session.reserved_for), "the benchmark's start")
    await settle(200)
    grab(application.window, folder / "benchmark-running-light.png")
    await until(lambda: not application.session.reserved_for, "the benchmark's end", 600)
    await take_both(application, folder, "benchmark")


async def take_models(application: WindowApplication, folder: Path) -> None:
    """The catalogue, and a build while its weights are being downloaded."""
    application.window.show_page("models")
    await take_both(application, folder, "models")
    job = application.parts.jobs.add(REPO, ["Q4_K_M", "Q8_0"])
    await until(
        lambda: any(view.progress.done > 40e6 for view in application.parts.jobs.jobs() if view.progress),
        "the download",
    )
    await take_both(application, folder, "models-building")
    application.parts.jobs.cancel(job.id)


async def take_doctor(application: WindowApplication, folder: Path) -> None:
    """The page about this computer."""
    dialog = application.dialogs.open_settings_page(1)
    await settle(150)
    grab(dialog, folder / "doctor-light.png")
    dialog.show_page(0)
    await settle()
    grab(dialog, folder / "settings-light.png")
    dialog.close()


async def take_chinese(application: WindowApplication, folder: Path) -> None:
    """The same tabs in Chinese."""
    application.parts.settings.update(language="zh_CN")
    await settle(60)
    application.window.resize(*SIZE)
    for key in ("chat", "code", "benchmark", "models"):
        application.window.show_page(key)
        await settle(40)
        grab(application.window, folder / f"{key}-zh-light.png")
    dialog = application.dialogs.open_settings_page(1)
    await settle(150)
    grab(dialog, folder / "doctor-zh-light.png")
    dialog.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--ask", default="")
    arguments = parser.parse_args()
    if arguments.ask:
        take_answer(arguments.ask, arguments.target)
    else:
        take_all(arguments.target)


if __name__ == "__main__":
    main()
