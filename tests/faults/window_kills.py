"""Kills under a window: `python -m tests.faults.window_kills [TIMES]`, in `STILLROOM_HOME`; prints JSON.

The engine's process is ended by SIGABRT, SIGSEGV, SIGBUS and SIGKILL, or stopped, while the model loads, in
prefill and in decode, each TIMES times; without TIMES once by each signal, at one moment after the other.
After each the partial reply must be kept and the next message answered by the same window.
"""

import asyncio
import itertools
import json
import os
import signal
import sys
from pathlib import Path

from app.base.errors import EngineError
from app.base.paths import app_paths
from app.chat.library.reply_choices import ReplyChoices
from app.engine.protocol import Delta, Event, LoadSettings, PromptProgress, Sampling
from app.settings import SettingsFile
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.window_application import WindowApplication
from tests.support.faults import FATAL, MOMENTS
from tests.support.starter_variants import shallow_path
from tests.support.waiting import until
from tests.support.window import run_with_window

SETTINGS = LoadSettings(context_tokens=2048, batch_tokens=32, threads=1)
LONG = "Tell me about rivers, lakes, seas, mountains and deserts. " * 100


class Killer:
    """Ends the engine's process once, at the chosen moment of the next work."""

    def __init__(self, application: WindowApplication) -> None:
        self._application = application
        self._armed: tuple[str, signal.Signals] | None = None
        application.session.client.observe_events(self._on_event)

    def arm(self, moment: str, number: signal.Signals) -> None:
        self._armed = (moment, number)

    @property
    def done(self) -> bool:
        return self._armed is None

    def kill_now(self) -> None:
        assert self._armed is not None
        pid = self._application.session.client.state.pid
        assert pid is not None
        number, self._armed = self._armed[1], None
        os.kill(pid, number)

    def _on_event(self, event: Event) -> None:
        if self._armed is None:
            return
        moment = self._armed[0]
        if (moment == "prefill" and isinstance(event, PromptProgress)) or (
            moment == "decode" and isinstance(event, Delta) and bool(event.text.strip())
        ):
            self.kill_now()


def main() -> None:
    deaths = list(zip(FATAL, itertools.cycle(MOMENTS), strict=False))
    if len(sys.argv) > 1:
        deaths = list(itertools.product(FATAL, MOMENTS)) * int(sys.argv[1])
    model = Path(shallow_path())
    paths = app_paths()
    SettingsFile(paths.settings).update(load=SETTINGS, sampling=Sampling(temperature=0.0))
    counts = {f"{number.name} in {moment}": 0 for number, moment in deaths}

    async def scene(application: WindowApplication) -> None:
        killer = Killer(application)
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        for number, moment in deaths:
            # A load by hand starts the count of crashes anew, as it does for a user.
            await until(lambda: application.session.client.state.phase in ("ready", "loaded"), "the engine")
            await application.session.load(model, SETTINGS)
            await kill_once(application, tab, killer, model, moment, number)
            counts[f"{number.name} in {moment}"] += 1

    run_with_window(scene)
    print(json.dumps(counts))


async def kill_once(
    application: WindowApplication,
    tab: ChatTab,
    killer: Killer,
    model: Path,
    moment: str,
    number: signal.Signals,
) -> None:
    """One death and what must hold after it."""
    store = application.parts.chats
    chat = store.create_conversation(choices=ReplyChoices(max_tokens=40))
    tab.open_chat(chat.id)
    killer.arm(moment, number)
    if moment == "loading":
        try:
            load = application.session.load(model, SETTINGS)
            task = asyncio.ensure_future(load)
            await until(lambda: application.session.client.state.phase == "loading", "the load")
            killer.kill_now()
            await task
        except EngineError:
            pass
    else:
        # What another chat began with would not be evaluated again.
        tab.send(f"{chat.id}: {LONG}" if moment == "prefill" else "Tell me about the sea.")
        await until(lambda: killer.done, "the kill")
        await until(lambda: tab.running_view is None, "the reply's end")
        reply = store.messages(chat.id)[-1]
        assert reply.role == "assistant", reply
        assert reply.outcome == "failed", reply.outcome
        assert bool(reply.content.strip()) == (moment == "decode"), (moment, reply.content)
        assert reply.error, reply
    before = len(store.messages(chat.id))
    await until(lambda: tab.running_view is None, "a quiet tab")
    tab.send("Hello.")
    await until(
        lambda: (
            len(store.messages(chat.id)) >= before + 2
            and store.messages(chat.id)[-1].outcome in ("stop", "length")
        ),
        "the next answer",
    )


if __name__ == "__main__":
    main()
