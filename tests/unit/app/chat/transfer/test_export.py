import json
from pathlib import Path

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.store import ChatStore
from app.chat.transfer.export import to_json, to_markdown, whole_chat


def test_thinking_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    store = ChatStore(tmp_path / "chats.sqlite3")
    chat = store.create_conversation(title="Sums", model="m", choices=ReplyChoices("Be brief."))
    question = store.add_message(chat.id, None, "user", "2 + 2?")
    reply = store.add_message(chat.id, question.id, "assistant", model="m", outcome="running")
    store.save_reply(reply.id, "**4**", "two and\ntwo", outcome="cancelled")
    chat, branch = store.conversation(chat.id), store.branch(chat.id)

    plain = to_markdown(chat, branch)
    assert plain.startswith("# Sums\n")
    assert "## You\n\n2 + 2?\n\n## m\n\n**4**\n" in plain
    assert "ended early (cancelled)" in plain
    assert "two and" not in plain
    assert "> two and\n> two\n" in to_markdown(chat, branch, with_thinking=True)

    document = json.loads(to_json(whole_chat(store, chat)))
    assert document["format"] == "stillroom-chat"
    assert [m["parent_id"] for m in document["messages"]] == [None, question.id]
    assert document["head_id"] == reply.id
    assert "thinking" not in document["messages"][1]
    assert (
        json.loads(to_json(whole_chat(store, chat), with_thinking=True))["messages"][1]["thinking"]
        == "two and\ntwo"
    )
    store.close()
