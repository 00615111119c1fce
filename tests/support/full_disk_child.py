"""A window whose disk fills up: `python -m tests.support.full_disk_child WORK [MODEL]`.

In `STILLROOM_HOME`. WORK is one of `WORKS`, and MODEL what a job is of. It says "at" when the work is under
way and reads a line of stdin, before which the disk is filled; then it waits for the sentence ("told"), types
a draft and closes. "kept" has what must be there afterwards. The work "look" opens the window on the full
disk, waits for the sentence, deletes the file "filler" there, waits until all goes on ("continued"), lets
jobs end and says what there is ("found").
"""

import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from app.base.disk_reserve import reserve_path
from app.base.errors import StillroomError
from app.base.paths import app_paths
from app.base.shutdown import end_at_once
from app.bootstrap import build_core
from app.chat.library.reply_choices import ReplyChoices
from app.engine.protocol import Delta, Event
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.shell import program
from app.ui.shell.window_application import WindowApplication
from app.window_bootstrap import program_parts
from models.system.notices import NoticeInbox
from tests.support.waiting import until
from tests.support.window import told
from tests.support.window_child import SETTINGS, chat_tab, loaded, tell

SENTENCE = re.compile(r"is too full: [\d.]+ [kMG]?B more are needed, and [\d.]+ [kMG]?B are free\.")
DRAFT = "A draft that is typed while the disk is full."
TOLD_S = 30.0


class Child:
    """The ground that the works have in common."""

    def __init__(self, application: WindowApplication) -> None:
        self.application = application
        self.seen: list[str] = []
        """The reply, as far as it has come."""
        self.chat = 0
        application.session.client.observe_events(self._on_event)

    @property
    def parts(self) -> Any:
        return self.application.parts

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Delta):
            self.seen.append(event.text)

    async def settings(self) -> None:
        """Something is chosen again and again."""

        async def choose() -> None:
            for number in range(10_000):
                try:
                    self.parts.settings.update(zoom_percent=100 + number % 2)
                except StillroomError as error:
                    tell("refused", str(error))
                await asyncio.sleep(0.05)

        self.choosing = asyncio.ensure_future(choose())

    async def answering(self) -> None:
        """A reply comes."""
        await loaded(self.application)
        chat = await asyncio.to_thread(self._make_chat)
        self.chat = chat.id
        tab = chat_tab(self.application)
        tab.open_chat(chat.id)
        tab.send("Tell me a long story about the sea.")
        await until(lambda: len(self.seen) > 3, "the reply", turn_s=0.002)

    def _make_chat(self) -> Any:
        return self.parts.chats.create_conversation(choices=ReplyChoices(max_tokens=600))

    async def draft(self) -> None:
        """A text is typed."""
        tab = chat_tab(self.application)
        tab.open_chat(None)
        tab.composer.set_text("Typed before the disk was full.")

    async def job(self) -> None:
        """A model is on its way."""
        jobs = self.parts.jobs
        jobs.add(sys.argv[2], ["Q8_0", "Q4_K_M"])
        await until(lambda: any(view.progress is not None for view in jobs.jobs()), "progress", turn_s=0.002)

    async def benchmark(self) -> None:
        """The speed is measured."""
        await loaded(self.application)
        tab = self.application.window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        tab.show_page("speed")
        tab.speed.run()
        await until(lambda: bool(self.application.session.reserved_for), "the benchmark")

    async def nothing(self) -> None:
        """The window is there."""


WORKS: dict[str, Callable[[Child], Awaitable[None]]] = {
    "start": Child.nothing,
    "chat": Child.answering,
    "draft": Child.draft,
    "download": Child.job,
    "build": Child.job,
    "benchmark": Child.benchmark,
    "settings": Child.settings,
    "close": Child.draft,
}


async def work(application: WindowApplication, name: str) -> None:
    child = Child(application)
    if name != "start":
        await until(reserve_path(app_paths().data).exists, "the reserve")
    await WORKS[name](child)
    tell("at")
    if name == "close":
        tell("kept", {"drafts": ["Typed before the disk was full."]})
        application.window.close()
        return
    await asyncio.to_thread(sys.stdin.readline)
    await until(lambda: SENTENCE.search(told(application)), "the sentence", TOLD_S)
    tell("told", told(application))
    tab = chat_tab(application)
    if name != "chat":
        tab.open_chat(None)
    tab.composer.set_text(DRAFT)
    tell("kept", {"drafts": [DRAFT], "reply": "".join(child.seen), "chat": child.chat})
    application.window.close()


async def look(application: WindowApplication) -> None:
    await until(lambda: SENTENCE.search(told(application)), "the sentence", TOLD_S)
    tell("told", told(application))
    (Path(app_paths().data).parent / "filler").unlink()
    await until(lambda: not SENTENCE.search(told(application)), "the end of the sentence", TOLD_S)
    tell("continued")
    parts, jobs = application.parts, application.parts.jobs
    await until(lambda: application.session.ready is not None, "the engine")
    for view in jobs.jobs():
        jobs.resume(view.id)
    await until(lambda: all(view.state == "done" for view in jobs.jobs()), "the jobs", 300)
    await asyncio.to_thread(parts.chats.create_conversation, title="made after")
    chats = parts.chats.conversations()
    tell(
        "found",
        {
            "drafts": [chat.draft for chat in chats],
            "titles": [chat.title for chat in chats],
            "replies": {
                str(chat.id): [
                    message.content
                    for message in parts.chats.messages(chat.id)
                    if message.role == "assistant"
                ]
                for chat in chats
            },
            "models": {
                model.type: hashlib.sha256(model.path.read_bytes()).hexdigest()
                for model in parts.store.listing().models
                if not model.bundled
            },
        },
    )
    application.window.close()


async def scene(application: WindowApplication, name: str) -> None:
    try:
        await (look(application) if name == "look" else work(application, name))
    except Exception as error:  # noqa: BLE001 - told to the test
        tell("failed", f"{error!r}; the window says: {told(application)}")
        application.window.close()


def main() -> None:
    name = sys.argv[1]
    print("begun", json.dumps(name), flush=True)
    core = build_core()
    try:
        core.settings.update(load=SETTINGS, first_run_over=True)
    except StillroomError as error:
        tell("refused", str(error))
    inbox = NoticeInbox()
    kept: list[asyncio.Future[None]] = []

    def begin(application: WindowApplication) -> None:
        kept.append(asyncio.ensure_future(scene(application, name)))

    end_at_once(program.run_window(lambda: program_parts(core, inbox), core.paths.data, (), begin))


if __name__ == "__main__":
    main()
