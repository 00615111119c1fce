"""Four chats that answer at once in one window, against one: `python -m tests.perf.four_chats [THREADS TOKENS
ROUNDS]`.

It prints JSON: the tokens per second of one reply alone and of four together (all tokens over the time from
the first token to the last), their ratio, and the gaps between two turns of the GUI thread in ms (p99, most).
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from app.base.paths import app_paths
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.store import ChatStore
from app.engine.protocol import LoadSettings, Sampling
from app.settings import SettingsFile
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import run_with_window, settle

PROMPT = "Write a long story about a lighthouse keeper and the sea, part {number}."
TURN_S = 0.005


async def gaps_ms(seconds: list[float]) -> None:
    """Note how long each turn of the event loop takes longer than it should, until it is cancelled."""
    last_s = time.perf_counter()
    while True:
        await asyncio.sleep(TURN_S)
        now_s = time.perf_counter()
        seconds.append(max(0.0, now_s - last_s - TURN_S))
        last_s = now_s


async def answered(application: WindowApplication, count: int, tokens: int) -> float:
    """Let so many chats answer at once; the tokens per second of all together."""
    tab = application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    store = application.parts.chats
    choices = ReplyChoices(sampling=Sampling(temperature=0.0), max_tokens=tokens)
    chats = [store.create_conversation(choices=choices) for _ in range(count)]
    begun_s = time.monotonic()
    for number, chat in enumerate(chats):
        tab.open_chat(chat.id)
        tab.send(PROMPT.format(number=number))
    await until(lambda: len(tab.exchange.busy) == count, "the replies' start")
    await until(lambda: not tab.exchange.busy, "the replies' end", turn_s=0.05)
    replies = [store.branch(chat.id)[-1] for chat in chats]
    total, ends_s = 0, []
    for reply in replies:
        assert reply.stats is not None, reply.error
        total += reply.stats.completion_tokens
        ends_s.append(reply.stats.ttft_s + reply.stats.decode_s)
    return total / min(max(ends_s), time.monotonic() - begun_s)


def main() -> None:
    threads, tokens, rounds = map(int, sys.argv[1:] or ("2", "256", "3"))
    SettingsFile(app_paths().settings).update(
        load=LoadSettings(threads=threads, context_tokens=1024), speculation="off"
    )
    ChatStore(app_paths().chats).close()
    alone: list[float] = []
    together: list[float] = []
    gaps_s: list[float] = []

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1440, 900)
        await until(lambda: application.session.info is not None, "the model")
        await settle(50)
        for _ in range(rounds):
            alone.append(await answered(application, 1, tokens))
            watching = asyncio.ensure_future(gaps_ms(gaps_s))
            together.append(await answered(application, 4, tokens))
            watching.cancel()

    run_with_window(scene)
    ordered = sorted(gaps_s)
    print(
        json.dumps(
            {
                "alone_tok_per_s": statistics.median(alone),
                "four_tok_per_s": statistics.median(together),
                "ratio": statistics.median(together) / statistics.median(alone),
                "rounds": rounds,
                "gap_p99_ms": 1000 * ordered[int(0.99 * len(ordered))],
                "gap_most_ms": 1000 * ordered[-1],
                "gaps": len(ordered),
            }
        )
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["STILLROOM_HOME"] = str(Path(home))
        main()
