"""Chats of other programs. The files are made here in the shapes that those programs export."""

import json
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.base.errors import Cancelled
from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.imported import ImportedChat, ImportedMessage, in_order, split_thinking
from app.chat.store.store import ChatStore
from app.chat.transfer.chat_file import CHATGPT_FILE
from app.chat.transfer.export import to_json, whole_chat
from app.chat.transfer.import_chats import ImportFailed, read_chats


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as store:
        yield store


def written(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def node(
    key: str, parent: str | None, role: str, *parts: Any, kind: str = "text", **content: Any
) -> dict[str, Any]:
    message = {
        "author": {"role": role, "name": None},
        "content": {"content_type": kind, "parts": list(parts), **content},
        "create_time": 1700000000.5,
        "metadata": {"model_slug": "a-model"} if role == "assistant" else {},
    }
    return {"id": key, "parent": parent, "children": [], "message": message}


def chatgpt_export() -> list[dict[str, Any]]:
    nodes = [
        {"id": "root", "parent": None, "children": [], "message": None},
        node("system", "root", "system", ""),
        node("q", "system", "user", "Two plus two?"),
        node(
            "thoughts", "q", "assistant", kind="thoughts", thoughts=[{"summary": "s", "content": "Add them."}]
        ),
        node("a1", "thoughts", "assistant", "Four."),
        node("a2", "q", "assistant", "It is 4."),
        node("tool", "a2", "tool", "result"),
        node(
            "q2", "tool", "user", {"content_type": "image_asset_pointer"}, "And this?", kind="multimodal_text"
        ),
    ]
    return [
        {
            "title": "Sums",
            "create_time": 1700000000.0,
            "update_time": 1700000100.0,
            "mapping": {entry["id"]: entry for entry in nodes},
            "current_node": "q2",
            "moderation_results": [],
        }
    ]


def test_chatgpt_keeps_branches_and_thoughts_and_tells_what_is_left_out(tmp_path: Path) -> None:
    [chat] = read_chats(written(tmp_path, chatgpt_export()))
    by_key = {message.key: message for message in chat.messages}
    assert (chat.title, chat.head, chat.left_out) == ("Sums", "q2", ("image_asset_pointer",))
    assert set(by_key) == {"q", "a1", "a2", "q2"}
    assert (by_key["a1"].parent, by_key["a1"].thinking, by_key["a1"].content) == ("q", "Add them.", "Four.")
    assert by_key["a1"].model == "a-model"
    assert by_key["q2"].parent == "a2"
    assert by_key["q"].parent is None


def test_chatgpt_zip_is_read_without_unpacking(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("user.json", "{}")
        archive.writestr("conversations.json", json.dumps(chatgpt_export()))
    assert [chat.title for chat in read_chats(path)] == ["Sums"]


def test_open_webui_keeps_branches_and_takes_the_thinking_apart(tmp_path: Path) -> None:
    reasoning = (
        '<details type="reasoning" done="true" duration="3">\n<summary>Thought for 3 seconds</summary>\n'
        "&gt; first\n</details>\nThe answer"
    ).replace("&gt;", ">")
    messages = {
        "1": {"id": "1", "parentId": None, "role": "user", "content": "Hi", "timestamp": 1700000000},
        "2": {"id": "2", "parentId": "1", "role": "assistant", "content": reasoning, "model": "r1:7b"},
        "3": {"id": "3", "parentId": "1", "role": "assistant", "content": "<think>hm</think>Other"},
    }
    entry = {
        "id": "x",
        "title": "Outer",
        "created_at": 1700000000,
        "updated_at": 1700000009,
        "chat": {"title": "Inner", "models": ["r1:7b"], "history": {"messages": messages, "currentId": "2"}},
    }
    [chat] = read_chats(written(tmp_path, [entry]))
    assert [(message.thinking, message.content) for message in chat.messages] == [
        ("", "Hi"),
        ("first", "The answer"),
        ("hm", "Other"),
    ]
    assert (chat.title, chat.head, chat.model) == ("Inner", "2", "r1:7b")


def test_lm_studio_keeps_versions_and_thinking(tmp_path: Path) -> None:
    def version(role: str, text: str) -> dict[str, Any]:
        return {"type": "singleStep", "role": role, "content": [{"type": "text", "text": text}]}

    reply = {
        "type": "multiStep",
        "role": "assistant",
        "steps": [
            {
                "type": "contentBlock",
                "style": {"type": "thinking"},
                "content": [{"type": "text", "text": "hm"}],
            },
            {"type": "contentBlock", "content": [{"type": "text", "text": "Yes."}]},
            {"type": "debugInfoBlock", "debugInfo": "…"},
        ],
    }
    document = {
        "name": "Talk",
        "createdAt": 1700000000000,
        "systemPrompt": "Be brief.",
        "messages": [
            {"versions": [version("user", "First"), version("user", "Edited")], "currentlySelected": 1},
            {"versions": [reply], "currentlySelected": 0},
        ],
    }
    [chat] = read_chats(written(tmp_path, document))
    first, edited, answer = chat.messages
    assert (first.content, edited.content) == ("First", "Edited")
    assert answer.parent == edited.key
    assert (answer.thinking, answer.content) == ("hm", "Yes.")
    assert (chat.choices.system_prompt, chat.created_at, chat.head) == ("Be brief.", 1700000000.0, answer.key)


def test_our_own_export_comes_back_whole(tmp_path: Path, store: ChatStore) -> None:
    made = store.create_conversation(title="Round trip", choices=ReplyChoices("S"))
    asked = store.add_message(made.id, None, "user", "Q")
    for number in range(2):
        reply = store.add_message(made.id, asked.id, "assistant", model="m", outcome="running")
        store.save_reply(reply.id, f"A{number}", f"T{number}", outcome="stop")
    path = tmp_path / "chat.json"
    path.write_text(
        to_json(whole_chat(store, store.conversation(made.id)), with_thinking=True), encoding="utf-8"
    )
    [chat_id] = store.add_imported(read_chats(path))
    copy = store.conversation(chat_id)
    assert (copy.title, copy.system_prompt, copy.model) == ("Round trip", "S", "m")
    assert [(m.role, m.content, m.thinking) for m in store.messages(chat_id)] == [
        ("user", "Q", ""),
        ("assistant", "A0", "T0"),
        ("assistant", "A1", "T1"),
    ]
    assert [message.content for message in store.branch(chat_id)] == ["Q", "A1"]
    assert len(store.search("A0")) == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "could not be read"),
        (b"not json", "could not be read"),
        (b"\xff\xfe\x00", "could not be read"),
        (b"[" * 100_000, "could not be read"),
        (b"[]", "holds no chats"),
        (b'{"a": 1}', "is not an export"),
        (b'[1, "x"]', "is not an export"),
        (b'[{"mapping": 3}]', "is not an export"),
        (b'{"messages": [{"versions": [{"content": []}]}]}', "is not an export"),
        (b'{"format": "stillroom-chat", "version": 1, "messages": []}', "is not an export"),
    ],
)
def test_other_files_are_refused_with_a_reason(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(ImportFailed) as failure:
        read_chats(path)
    assert told in str(failure.value)


def test_halves_of_characters_are_replaced(store: ChatStore, tmp_path: Path) -> None:
    document = chatgpt_export()
    document[0]["title"] = "\ud83d\ude00 and \ud83d"
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(document), encoding="ascii")
    [chat_id] = store.add_imported(read_chats(path))
    assert store.conversation(chat_id).title == "\N{GRINNING FACE} and \N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "text",
    [
        "<details " * 100_000,
        '<details type="reasoning">' * 40_000,
        "<details " + 'type="reasoning" ' * 60_000 + "</details>",
        '<details type="reasoning">' + "<summary>" * 100_000 + "</details>",
        '<details type="reasoning">' + " " * 1_000_000 + "</details" * 100_000,
        "<think>" * 100_000,
    ],
)
@pytest.mark.timeout(60)
def test_thoughts_that_never_end_are_looked_for_once(text: str) -> None:
    """Hours in a text of a megabyte, else."""
    split_thinking(text)


@pytest.mark.skipif(sys.platform == "win32", reason="memory is limited on POSIX")
def test_a_file_that_takes_much_memory_is_refused_in_a_child(
    tmp_path: Path,
) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(CHATGPT_FILE, "w") as out:
        out.write(b"[")
        for _ in range(100):
            out.write(b"{}," * 1_000_000)
    with pytest.raises(ImportFailed) as failure:
        read_chats(path)
    assert "too much" in str(failure.value)


def test_chats_of_more_text_than_the_window_has_room_for_are_refused(
    tmp_path: Path,
) -> None:
    message = {"versions": [{"role": "user", "content": [{"type": "text", "text": "a" * 30_000_000}]}]}
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(CHATGPT_FILE, "w") as out:
        chat = json.dumps({"messages": [message]}).encode()
        out.write(b"[" + b",".join([chat] * 10) + b"]")
    with pytest.raises(ImportFailed) as failure:
        read_chats(path)
    assert "too much memory" in str(failure.value)


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.txt", "x")
    with pytest.raises(ImportFailed):
        read_chats(path)


def test_all_chats_of_a_file_are_added_or_none(store: ChatStore) -> None:
    good = ImportedChat("a", (ImportedMessage("1", None, "user", "x"),))
    bad = ImportedChat("b", (ImportedMessage("1", None, "robot", "x"),))  # type: ignore[arg-type]  # on purpose
    with pytest.raises(Exception, match="CHECK"):
        store.add_imported([good, bad])
    assert store.conversations() == []


def test_messages_are_put_in_order_and_circles_left_out() -> None:
    messages = [
        ImportedMessage("c", "b", "user", ""),
        ImportedMessage("b", "gone", "user", ""),
        ImportedMessage("x", "y", "user", ""),
        ImportedMessage("y", "x", "user", ""),
    ]
    assert [message.key for message in in_order(messages)] == ["b", "c"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<think>\na\n</think>\n\nb", ("a", "b")),
        ("no thinking", ("", "no thinking")),
        ("text <think>x</think>", ("", "text <think>x</think>")),
        ("<think>never closed", ("", "<think>never closed")),
    ],
)
def test_thinking_is_split_only_where_it_leads(text: str, parts: tuple[str, str]) -> None:
    assert split_thinking(text) == parts


@pytest.mark.parametrize("messages", [1, 2000])
def test_chats_that_are_given_up_while_they_are_added_leave_nothing(messages: int, store: ChatStore) -> None:
    cancel = threading.Event()

    def chats() -> Iterator[ImportedChat]:
        yield ImportedChat("a", (ImportedMessage("1", None, "user", "x"),), folder="A folder")
        cancel.set()
        yield ImportedChat("b", tuple(ImportedMessage(str(n), None, "user", "x") for n in range(messages)))

    with pytest.raises(Cancelled):
        store.add_imported(chats(), cancel)  # type: ignore[arg-type]  # it goes through them once
    assert store.conversations() == []
    assert store.folders() == []
