"""Many chats: `python -m tests.perf.chat_history CHATS MESSAGES_EACH`; prints JSON."""

import asyncio
import json
import random
import statistics
import sys
import time

from app.base.paths import app_paths
from app.chat.store.store import ChatStore
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.window_application import WindowApplication
from tests.support.window import run_with_window, settle

ROUNDS = 20
WORDS = (
    "river",
    "lake",
    "engine",
    "token",
    "prompt",
    "answer",
    "window",
    "cache",
    "context",
    "lighthouse",
    "boat",
    "swan",
    "proof",
    "series",
    "limit",
    "matrix",
    "vector",
    "kernel",
    "thread",
    "memory",
    "disk",
    "table",
    "column",
    "index",
    "query",
    "branch",
    "merge",
    "compile",
    "debug",
    "parser",
    "模型",
    "上下文",
)


def fill(store: ChatStore, chats: int, each: int) -> None:
    """Chats of questions and answers of some hundred words."""
    draw = random.Random(3)
    for number in range(chats):
        chat = store.create_conversation(title=f"Chat {number}: {' '.join(draw.choices(WORDS, k=4))}")
        parent: int | None = None
        for place in range(each):
            words = " ".join(draw.choices(WORDS, k=30 if place % 2 == 0 else 150))
            text = f"{words}.\n\n```python\nprint({place})\n```\n" if place % 2 else words
            parent = store.add_message(chat.id, parent, "assistant" if place % 2 else "user", text).id


def main() -> None:
    chats, each = int(sys.argv[1]), int(sys.argv[2])
    store = ChatStore(app_paths().chats)
    fill(store, chats, each)
    store.close()
    result: dict[str, float] = {}

    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        await settle(100)
        result.update(await measure(application, tab))

    begun_s = time.monotonic()
    opened = ChatStore(app_paths().chats)
    result["store_opens_ms"] = (time.monotonic() - begun_s) * 1000
    begun_s = time.monotonic()
    count = len(opened.conversations())
    result["list_read_ms"] = (time.monotonic() - begun_s) * 1000
    opened.close()
    run_with_window(scene)
    print(json.dumps(result | {"chats": count, "messages": chats * each}))


async def measure(application: WindowApplication, tab: ChatTab) -> dict[str, float]:
    """Opening chats and searching, in the window."""
    store = application.parts.chats
    draw = random.Random(4)
    open_ms, open_cpu_ms, search_ms, list_ms = [], [], [], []
    ids = [chat.id for chat in store.conversations()]
    for _ in range(ROUNDS):
        begun_s, begun_cpu_s = time.monotonic(), time.thread_time()
        tab.open_chat(draw.choice(ids))
        await asyncio.sleep(0)
        tab.conversation.viewport().repaint()
        open_ms.append((time.monotonic() - begun_s) * 1000)
        open_cpu_ms.append((time.thread_time() - begun_cpu_s) * 1000)
        begun_s = time.monotonic()
        tab.show_chats()
        list_ms.append((time.monotonic() - begun_s) * 1000)
        begun_s = time.monotonic()
        hits = await asyncio.to_thread(store.search, " ".join(draw.choices(WORDS, k=2)))
        search_ms.append((time.monotonic() - begun_s) * 1000)
        assert hits
    return {
        "open_median_ms": statistics.median(open_ms),
        "open_max_ms": max(open_ms),
        "open_cpu_median_ms": statistics.median(open_cpu_ms),
        "list_median_ms": statistics.median(list_ms),
        "search_median_ms": statistics.median(search_ms),
        "search_max_ms": max(search_ms),
    }


if __name__ == "__main__":
    main()
