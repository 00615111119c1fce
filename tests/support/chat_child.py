"""Chats without end until it is killed: `python -m tests.support.chat_child STORE`, with the real engine.

Each reply is cut off after some tokens, and goes on.

Prints JSON lines: `message` and `content` of each question once it is kept, `reply` and `length` of the
answer as far as it was shown, with `at_s` on the clock that all processes share.
"""

import json
import sys
import time
from pathlib import Path

import msgspec

from app.base.children import child_command
from app.chat.store.store import ChatStore
from app.chat.turn import Turn, chat_key, history, partial_reply
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, Generate, LoadSettings, ReplyEvent, Sampling
from tests.support.starter_variants import shallow_path
from tests.support.templates import template_of

PART_TOKENS, PARTS = 60, 6


def say(**facts: object) -> None:
    """A line for the parent, at once."""
    print(json.dumps(facts | {"at_s": time.monotonic()}), flush=True)


def main() -> None:
    store = ChatStore(Path(sys.argv[1]))
    client = EngineClient(child_command("engine"))
    client.start()
    model = client.load(shallow_path(), LoadSettings(context_tokens=2048, threads=1)).future.result()
    template = template_of(model)
    for number in range(1_000_000):
        chat = store.create_conversation(title=f"chat {number}")
        text = f"Tell me a story about lighthouse number {number}."
        question = store.add_message(chat.id, None, "user", text)
        say(message=question.id, content=text)
        reply = store.add_message(chat.id, question.id, "assistant", outcome="running")
        say(message=reply.id, content="")
        shown = 0

        def show(event: ReplyEvent, reply_id: int = reply.id) -> None:
            nonlocal shown
            if isinstance(event, Delta):
                shown += len(event.text)
                say(reply=reply_id, length=shown)

        prompt = template.render_blocking(history([question]))
        request = Generate(
            request_id=0,
            parts=prompt.parts,
            thinking=prompt.thinking,
            sampling=Sampling(temperature=0.8, seed=number),
            max_tokens=PART_TOKENS,
            chat_key=chat_key(chat.id),
        )
        turn = Turn(store, client, reply.id, request, show)
        for _ in range(PARTS):
            if turn.end.result().outcome != "length":
                break
            turn.wait_until_kept()
            before = store.message(reply.id)
            further = msgspec.structs.replace(request, partial=partial_reply(before))
            turn = Turn(store, client, reply.id, further, show, before=before)
        turn.end.result()
        turn.wait_until_kept()
        say(kept=reply.id, length=shown)


if __name__ == "__main__":
    main()
