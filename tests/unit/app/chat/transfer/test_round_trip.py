"""Our own export, imported: the same chat, field by field; and what a hostile one can do."""

import json
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from app.chat.documents.retrieval import Passage
from app.chat.library.reply_choices import NO_LIMITS, ReplyChoices
from app.chat.store.records import Attachment, Conversation, StoredMessage
from app.chat.store.store import ChatStore
from app.chat.store.summary import Summary
from app.chat.transfer.export import to_json, whole_chat
from app.chat.transfer.import_chats import ImportFailed, read_chats
from app.engine.protocol import GenerationStats, Lora, Sampling, ThinkingLimits

STATS = GenerationStats(
    prompt_tokens=40,
    completion_tokens=90,
    thinking_tokens=30,
    ttft_s=0.25,
    prompt_s=0.2,
    decode_s=4.5,
    thinking_s=1.5,
    prompt_tok_per_s=200.0,
    decode_tok_per_s=20.0,
    context_tokens_used=130,
    seed=7,
    reused_tokens=10,
    drafted_tokens=12,
    accepted_tokens=9,
    thinking_closed="budget",
)
SCHEMA = '{"type": "object", "properties": {"answer": {"type": "string"}}}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as store:
        yield store


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ChatStore]:
    """Another computer's chats."""
    with closing(ChatStore(tmp_path / "other.sqlite3")) as store:
        store.create_conversation(title="was here before")
        yield store


def write_chat(store: ChatStore, adapter: Path) -> Conversation:
    """A chat in which nothing is as it is by default, with two branches."""
    adapter.write_bytes(b"GGUF")
    chat = store.create_conversation(
        model="R1-7B",
        choices=ReplyChoices(
            system_prompt="Be brief.",
            sampling=Sampling(temperature=0.3, seed=5, dry_breakers=("\n",), logit_bias={3: -1.5}),
            max_tokens=500,
            thinking=ThinkingLimits(tokens=800, seconds=9.5, loop_guard=False, answer_room=False),
            loras=(Lora(str(adapter), 0.5),),
            json_schema=SCHEMA,
            when_full="summarise",
            stop=("END", "\n\n"),
        ),
    )
    text = "The limit is ten euros. " * 20
    documents = [store.attach(chat.id, "handbook.md", text), store.attach(chat.id, "图.txt", "中文")]
    passages = [Passage(0, 24, 48), Passage(0, 0, 24), Passage(1, 0, 2)]
    asked = store.add_message(chat.id, None, "user", "How much?", attachments=documents, passages=passages)
    first = store.add_message(
        chat.id, asked.id, "assistant", model="R1-7B", outcome="running", json_schema=SCHEMA
    )
    store.save_reply(first.id, '{"answer": "ten"}', "Let me see.", outcome="stop", stats=STATS)
    again = store.add_message(chat.id, first.id, "user", "Sure?")
    broken = store.add_message(chat.id, again.id, "assistant", model="R1-8B", outcome="running")
    store.save_reply(broken.id, "I", "", outcome="failed", error="The engine ended: out of memory.")
    second = store.add_message(chat.id, asked.id, "assistant", model="R1-8B", outcome="running")
    store.save_reply(second.id, "Ten euros.", "", outcome="length", stats=STATS)
    for last, words in ((first.id, "Summed up."), (second.id, "Summed up too.")):
        store.add_summary(chat.id, last, words, "R1-7B")
    store.attach(chat.id, "waiting.txt", "for the next message")
    store.save_draft(chat.id, "What about\ntwenty?")
    store.rename(chat.id, "Limits")
    store.pin(chat.id, True)
    store.move(chat.id, store.create_folder("Travel").id)
    store.show_branch(chat.id, broken.id)
    return store.conversation(chat.id)


def exported(store: ChatStore, chat: Conversation, path: Path, *, with_thinking: bool = True) -> Path:
    path.write_text(to_json(whole_chat(store, chat), with_thinking=with_thinking), encoding="utf-8")
    return path


def whole(store: ChatStore, chat_id: int) -> dict[str, Any]:
    """All that the store has of a chat, with places in the chat in place of the database's numbers."""
    chat, messages = store.conversation(chat_id), store.messages(chat_id)
    places: dict[int | None, int | None] = {message.id: place for place, message in enumerate(messages)}
    places[None] = None
    folders = {folder.id: folder.name for folder in store.folders()}

    def document(attachment: Attachment) -> Attachment:
        return replace(attachment, id=0)

    def message(stored: StoredMessage) -> StoredMessage:
        return replace(
            stored,
            id=places[stored.id],  # type: ignore[arg-type] # of itself there is one
            conversation_id=0,
            parent_id=places[stored.parent_id],
            attachments=tuple(map(document, stored.attachments)),
        )

    def summary(kept: Summary) -> Summary:
        return replace(kept, id=0, conversation_id=0, last_id=places[kept.last_id])  # type: ignore[arg-type]

    return {
        "chat": replace(chat, id=0, head_id=places[chat.head_id], folder_id=None),
        "folder": folders.get(chat.folder_id or 0, ""),
        "messages": [message(stored) for stored in messages],
        "branch": [places[stored.id] for stored in store.branch(chat_id)],
        "summaries": [summary(kept) for kept in store.summaries(chat_id)],
        "waiting": [document(attachment) for attachment in store.waiting_attachments(chat_id)],
    }


def test_a_chat_comes_back_field_by_field(store: ChatStore, other: ChatStore, tmp_path: Path) -> None:
    chat = write_chat(store, tmp_path / "adapter.gguf")
    before = whole(store, chat.id)
    # Nothing in it is as it is by default, so that a field that is forgotten shows.
    empty = store.conversation(store.create_conversation().id)
    same = [field.name for field in fields(chat) if getattr(chat, field.name) == getattr(empty, field.name)]
    assert same == []
    [imported] = read_chats(exported(store, chat, tmp_path / "chat.json"))
    assert imported.left_out == ()
    [chat_id] = other.add_imported([imported])
    assert whole(other, chat_id) == before
    # Once more, from there.
    copy = exported(other, other.conversation(chat_id), tmp_path / "copy.json")
    [again] = store.add_imported(read_chats(copy))
    assert whole(store, again) == before
    assert [folder.name for folder in store.folders()] == ["Travel"]


def test_without_thinking_only_that_is_missing(store: ChatStore, other: ChatStore, tmp_path: Path) -> None:
    chat = write_chat(store, tmp_path / "adapter.gguf")
    before = whole(store, chat.id)
    path = exported(store, chat, tmp_path / "chat.json", with_thinking=False)
    [chat_id] = other.add_imported(read_chats(path))
    before["messages"] = [replace(message, thinking="") for message in before["messages"]]
    assert whole(other, chat_id) == before


def test_an_export_of_before_is_read_as_it_was(other: ChatStore, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    message = {
        "id": 4,
        "parent_id": None,
        "role": "user",
        "content": "Q",
        "created_at": "2026-01-02T03:04:05Z",
    }
    document = {
        "format": "stillroom-chat",
        "version": 1,
        "title": "Old",
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:06Z",
        "messages": [message],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    [chat_id] = other.add_imported(read_chats(path))
    chat = other.conversation(chat_id)
    assert (chat.title, chat.titled, chat.updated_at - chat.created_at) == ("Old", True, 1.0)
    assert chat.choices == ReplyChoices()


def test_a_reply_that_was_coming_in_is_interrupted(
    store: ChatStore, other: ChatStore, tmp_path: Path
) -> None:
    chat = store.create_conversation()
    store.add_message(chat.id, None, "assistant", "half", outcome="running")
    path = exported(store, store.conversation(chat.id), tmp_path / "chat.json")
    [chat_id] = other.add_imported(read_chats(path))
    assert [message.outcome for message in other.messages(chat_id)] == ["interrupted"]


def changed(path: Path, change: dict[str, Any], message: dict[str, Any]) -> Path:
    document = json.loads(path.read_text(encoding="utf-8"))
    document |= change
    document["messages"][0] |= message
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "message", "left_out"),
    [
        ({"sampling": {"temperature": math.nan}}, {}, ("settings",)),
        ({"sampling": {"temperature": 1e300}}, {}, ("settings",)),
        ({"sampling": "hot"}, {}, ("settings",)),
        ({"max_tokens": 1 << 80}, {}, ("settings",)),
        ({"max_tokens": -1}, {}, ("settings",)),
        ({"thinking_limits": {"seconds": math.inf}}, {}, ("settings",)),
        ({"when_full": "explode"}, {}, ("settings",)),
        ({"loras": [["/no/such/file.gguf", 1.0]]}, {}, ("adapter",)),
        ({"loras": [["\\\\server\\share\\x.gguf", 1.0]]}, {}, ("adapter",)),
        ({"loras": [["//server/share/x.gguf", 1.0]]}, {}, ("adapter",)),
        ({"loras": [["relative.gguf", 1.0]]}, {}, ("adapter",)),
        ({"draft": "x" * ((1 << 20) + 1)}, {}, ("draft",)),
        ({"summaries": [{"last_id": "x"}]}, {}, ("summary",)),
        ({"attachments": [{"name": "x" * 1001, "text": "y"}]}, {}, ("document",)),
        ({}, {"attachments": 3}, ("document",)),
        ({}, {"stats": {"prompt_tokens": "many"}}, ("statistics",)),
        ({}, {"stats": json.loads(json.dumps({}))}, ("statistics",)),
        ({}, {"passages": "all"}, ("passage",)),
        ({"head_id": 10**400, "folder": "f" * 10_000}, {"outcome": "sideways"}, ()),
    ],
)
def test_what_cannot_be_used_is_left_out_and_named(
    store: ChatStore,
    other: ChatStore,
    tmp_path: Path,
    change: dict[str, Any],
    message: dict[str, Any],
    left_out: tuple[str, ...],
) -> None:
    chat = write_chat(store, tmp_path / "adapter.gguf")
    path = changed(exported(store, chat, tmp_path / "chat.json"), change, message)
    [imported] = read_chats(path)
    assert imported.left_out == left_out
    [chat_id] = other.add_imported([imported])
    assert [kept.content for kept in other.messages(chat_id)] == [
        kept.content for kept in store.messages(chat.id)
    ]
    assert len(other.conversation(chat_id).title) > 0


@pytest.mark.parametrize("figure", [math.nan, math.inf, -1.0, 1e16])
def test_statistics_that_are_no_figures_are_left_out(store: ChatStore, tmp_path: Path, figure: float) -> None:
    chat = write_chat(store, tmp_path / "adapter.gguf")
    stats = {name: getattr(STATS, name) for name in STATS.__struct_fields__} | {"decode_s": figure}
    path = changed(exported(store, chat, tmp_path / "chat.json"), {}, {"stats": stats})
    [imported] = read_chats(path)
    assert imported.messages[0].stats is None
    assert imported.left_out == ("statistics",)


def test_passages_outside_their_documents_are_dropped(store: ChatStore, tmp_path: Path) -> None:
    chat = write_chat(store, tmp_path / "adapter.gguf")
    wrong = [(0, 0, 10), (0, -5, 3), (0, 9, 9), (0, 0, 10**9), (2, 0, 1), (-1, 0, 1)]
    passages = [dict(zip(("document", "start", "end"), each, strict=True)) for each in wrong]
    path = changed(exported(store, chat, tmp_path / "chat.json"), {}, {"passages": passages})
    [imported] = read_chats(path)
    assert imported.messages[0].passages == (Passage(0, 0, 10),)


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z", 5])
def test_a_time_that_is_none_is_no_export(store: ChatStore, tmp_path: Path, time: object) -> None:
    chat = write_chat(store, tmp_path / "adapter.gguf")
    path = changed(exported(store, chat, tmp_path / "chat.json"), {}, {"created_at": time})
    with pytest.raises(ImportFailed, match="is not an export"):
        read_chats(path)


@pytest.mark.parametrize("year", ["0001", "1969", "9999"])
def test_a_time_of_another_age_can_be_shown(
    store: ChatStore, other: ChatStore, tmp_path: Path, year: str
) -> None:
    chat = write_chat(store, tmp_path / "adapter.gguf")
    time = f"{year}-12-31T23:59:59.5Z"
    path = changed(exported(store, chat, tmp_path / "chat.json"), {"created_at": time}, {"created_at": time})
    [chat_id] = other.add_imported(read_chats(path))
    assert exported(other, other.conversation(chat_id), tmp_path / "again.json").stat().st_size > 0


def test_numbers_of_messages_in_another_order_keep_the_branches(other: ChatStore, tmp_path: Path) -> None:
    def message(number: int, parent: int | None, content: str) -> dict[str, Any]:
        return {
            "id": number,
            "parent_id": parent,
            "role": "user" if parent is None else "assistant",
            "content": content,
            "created_at": "2026-01-02T03:04:05Z",
        }

    document = {
        "format": "stillroom-chat",
        "version": 1,
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
        "head_id": 1,
        "messages": [message(1, 9, "A"), message(9, None, "Q"), message(5, 6, "x"), message(6, 5, "y")],
    }
    path = tmp_path / "order.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    [chat_id] = other.add_imported(read_chats(path))
    assert [each.content for each in other.branch(chat_id)] == ["Q", "A"]
    assert other.conversation(chat_id).thinking == NO_LIMITS
