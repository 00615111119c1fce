"""Time to the first token of a long chat that goes on, against the cold one. Never fails on a clock."""

import os
import random
import statistics
import tempfile
import time
from pathlib import Path

from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.engine.kv_states.saved_states import StatesPlace
from app.engine.protocol import Generate, GenerationStats, LoadSettings, Part
from tests.support.engines import GREEDY, starter_path
from tests.support.waiting import wait_until

CHAT_TOKENS = 4000
THREADS = int(os.environ.get("STILLROOM_PERF_THREADS", "2"))
ROUNDS = int(os.environ.get("STILLROOM_PERF_ROUNDS", "5"))
CHAT = "chat-1"
READING_S = 3.0

WORDS = ["light", "tower", "stone", "water", "night", "ship", "storm", "lamp", "keeper", "wind", "wave"]


def start(folder: Path) -> EngineClient:
    """A fresh engine process with the starter model."""
    client = EngineClient(child_command("engine"), states=StatesPlace(folder, lambda: 2_000_000_000))
    settings = LoadSettings(context_tokens=6144, threads=THREADS, sequences=1, kv_type="f16")
    client.load(starter_path(), settings).future.result()
    return client


def turn(role: str, words: int, dice: random.Random) -> list[Part]:
    return [
        Part(f"<|im_start|>{role}\n", special=True),
        Part(" ".join(dice.choice(WORDS) for _ in range(words))),
        Part("<|im_end|>\n", special=True),
    ]


def ask(client: EngineClient, chat: list[Part], question: list[Part]) -> GenerationStats:
    parts = [*chat, *question, Part("<|im_start|>assistant\n", special=True)]
    request = Generate(request_id=0, parts=parts, sampling=GREEDY, max_tokens=2, chat_key=CHAT)
    return client.ask(request).future.result().stats


def read(client: EngineClient, chat: list[Part]) -> None:
    """Do what the window does after a reply: the engine evaluates the beginning of the next prompt while the
    user reads, here for three seconds.
    """
    client.prepare(chat, CHAT)
    time.sleep(READING_S)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as parent:
        a_long_chat_goes_on(Path(parent))


def a_long_chat_goes_on(parent: Path) -> None:
    rows: dict[str, list[float]] = {"cold": [], "second turn": [], "last message edited": [], "reopened": []}
    reused: dict[str, int] = {}
    for number in range(ROUNDS):
        folder = parent / str(number)
        dice = random.Random(number)
        chat: list[Part] = []
        for _ in range(10):
            chat += turn("user", CHAT_TOKENS // 20, dice) + turn("assistant", CHAT_TOKENS // 20, dice)
        first, second, edited, third = (turn("user", 20, dice) for _ in range(4))
        answer = turn("assistant", 20, dice)
        client = start(folder)

        def note(name: str, client: EngineClient, chat: list[Part], question: list[Part]) -> None:
            stats = ask(client, chat, question)
            rows[name].append(stats.ttft_s)
            reused[name] = stats.reused_tokens

        note("cold", client, chat, first)
        chat += first + answer
        read(client, chat)
        note("second turn", client, chat, second)
        note("last message edited", client, chat, edited)
        chat += edited + answer
        read(client, chat)
        wait_until(lambda folder=folder: list(folder.glob("*.state")), "the saved chat")
        client.close()
        client = start(folder)
        note("reopened", client, chat, third)
        client.close()
    cold = statistics.median(rows["cold"])
    print(f"\nchat of {CHAT_TOKENS} tokens, {THREADS} thread(s), {ROUNDS} rounds, medians")
    for name, seconds in rows.items():
        median = statistics.median(seconds)
        print(f"  {name:20} {median * 1000:8.0f} ms ({median / cold:.1%}), {reused[name]} tokens reused")


if __name__ == "__main__":
    main()
