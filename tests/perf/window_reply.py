"""A reply in the open window: `python -m tests.perf.window_reply THREADS TOKENS ROUNDS`.

It prints JSON: each reply's tokens per second and prompt tokens. The window is painted on the display that
`DISPLAY` names, its live panel runs, and the reply is laid out as it comes.
"""

import json
import sys

from app.base.paths import app_paths
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.store import ChatStore
from app.engine.protocol import LoadSettings, Sampling
from app.settings import SettingsFile
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import ask, run_with_window, settle

PROMPT = "Write a long story about a lighthouse keeper and the sea."


def main() -> None:
    threads, tokens, rounds = map(int, sys.argv[1:])
    paths = app_paths()
    # One token a step, as in llama-bench: guesses ahead would make it faster than the model.
    SettingsFile(paths.settings).update(
        load=LoadSettings(threads=threads, context_tokens=1024), speculation="off"
    )
    store = ChatStore(paths.chats)
    chats = [store.create_conversation() for _ in range(rounds)]
    for chat in chats:
        store.save_choices(chat.id, ReplyChoices(sampling=Sampling(temperature=0.0), max_tokens=tokens + 1))
    store.close()
    rates: list[tuple[float, int]] = []

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1420, 880)
        await until(lambda: application.session.info is not None, "the model")
        await settle(50)
        for chat in chats:
            tab = application.window.show_page("chat")
            assert isinstance(tab, ChatTab)
            tab.open_chat(chat.id)
            # Looking often would take time from the reply.
            await ask(application, PROMPT, turn_s=0.5)
            reply = application.parts.chats.messages(chat.id)[-1]
            assert reply.stats is not None
            assert reply.stats.completion_tokens == tokens + 1, reply.stats
            rates.append((reply.stats.decode_tok_per_s, reply.stats.prompt_tokens))

    run_with_window(scene)
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
