"""Chats that answer side by side and are stopped at random moments: Stop ends its own reply only."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from app.chat.store.records import Conversation
from tests.support.chat_desk import ENDLESS, Opened, desk, engine_command, opened
from tests.support.engines import starter_path
from tests.support.waiting import until

__all__ = ["desk", "engine_command", "opened"]

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

STOPS = int(os.environ.get("STILLROOM_SIDE_STOPS", "100"))
AT_ONCE = 10
LONGEST_S = 0.4


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The whole starter: its replies last until somebody stops them."""
    return Path(starter_path())


def test_stop_ends_its_own_reply_only(opened: Opened) -> None:
    randomly = random.Random(7)
    tab, store = opened.tab, opened.store
    chats = [store.create_conversation(title=f"chat {number}") for number in range(4)]

    async def ask_in(chat: Conversation) -> None:
        tab.open_chat(chat.id)
        tab.send(ENDLESS)
        await until(lambda: tab.running_view_in(chat.id) is not None)

    async def stop_one(number: int) -> bool:
        for place, chat in enumerate(chats):
            if chat.id not in tab.exchange.busy:
                # A chat that is full would have to be asked what to leave out.
                if len(store.branch(chat.id)) >= 4:
                    chats[place] = store.create_conversation(title=f"chat {place} after {number}")
                await ask_in(chats[place])
        await asyncio.sleep(randomly.random() * LONGEST_S)
        chosen = randomly.choice(chats)
        tab.open_chat(chosen.id)
        tab.stop()
        await until(lambda: chosen.id not in tab.exchange.busy)
        for chat in chats:
            outcome = store.branch(chat.id)[-1].outcome
            # Others may have come to their own end, which is none by Stop.
            assert outcome in ("running", "stop", "context") or chat.id == chosen.id, outcome
        return store.branch(chosen.id)[-1].outcome == "cancelled"

    async def end() -> None:
        for chat in chats:
            tab.open_chat(chat.id)
            tab.stop()
        await until(lambda: not tab.exchange.busy)

    stopped = 0

    async def scenario(first: int) -> None:
        nonlocal stopped
        for number in range(first, min(STOPS, first + AT_ONCE)):
            stopped += await stop_one(number)

    for first in range(0, STOPS, AT_ONCE):
        opened.run(scenario(first))
    opened.run(end())
    print(f"\n{stopped} of {STOPS} replies stopped, those beside them went on")
    assert stopped > STOPS // 2
