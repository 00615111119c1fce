"""Late answers of the disk or the engine change nothing of what the user has done in the chats since."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton

from app.chat.transfer import import_chats
from app.chat.transfer.export import to_json, whole_chat
from app.code import check
from app.engine.protocol import Part
from tests.support.chat_desk import Opened
from tests.support.endless_child import endless_children, endless_command
from tests.support.late_answers import Late
from tests.support.waiting import until
from tests.support.widgets import all_seen, seen_words


async def settled() -> None:
    """Let what has answered come to the window."""
    for _ in range(20):
        await asyncio.sleep(0.005)


class Counts:
    """Stands before the counting of tokens: what is asked before `is_late` is cleared is answered after
    `go_on`."""

    def __init__(self, factor: int) -> None:
        self.factor = factor
        self.is_late = True
        self.waiting = 0
        self.go_on = asyncio.Event()

    async def count(self, parts: Sequence[Part], model: str = "") -> int:
        tokens = self.factor * sum(len(part.text) for part in parts)
        if self.is_late:
            self.waiting += 1
            await self.go_on.wait()
        return tokens


def test_the_tokens_of_a_document_are_those_of_the_model_that_was_loaded_last(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "note.txt"
    document.write_text("The code word is marmalade.", encoding="utf-8")

    async def scene() -> None:
        tab, counts = opened.tab, Counts(1)
        monkeypatch.setattr(opened.desk.session, "count_tokens", counts.count)
        await tab.attachments.attach([document])
        await until(lambda: counts.waiting > 0)
        counts.is_late, counts.factor = False, 1000
        tab.attachments.forget_counts()
        await until(lambda: ",000" in seen_words(tab.composer))
        counts.go_on.set()
        await settled()
        assert ",000" in seen_words(tab.composer)

    opened.run(scene())


def test_what_a_message_costs_is_told_with_the_documents_that_came_since(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "note.txt"
    document.write_text("The code word is marmalade. " * 5, encoding="utf-8")

    async def scene() -> None:
        tab, counts = opened.tab, Counts(1)
        monkeypatch.setattr(opened.desk.session, "count_tokens", counts.count)
        tab.composer.set_text("What is the code word?")
        await until(lambda: counts.waiting > 0)
        counts.is_late = False
        await tab.attachments.attach([document])
        await until(lambda: "Documents" in tab.composer.meter.details)
        counts.go_on.set()
        await settled()
        assert "Documents" in tab.composer.meter.details

    opened.run(scene())


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_chat_that_comes_back_late_does_not_take_the_place_of_another_one(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    store, tab = opened.store, opened.tab
    back, other = store.create_conversation(title="Back"), store.create_conversation(title="Other")
    restoring = Late(store.restore)
    monkeypatch.setattr(store, "restore", restoring)

    async def scene() -> None:
        tab.show_chats()
        tab.chats.delete_requested.emit(back.id)
        await until(lambda: bool(all_seen(opened.notices, QPushButton, "Undo")))
        opened.undo()
        await until(lambda: restoring.waiting == 1)
        if goes_on:
            tab.open_chat(other.id)
        restoring.let_all()
        await until(lambda: "Back" in opened.titles())
        await settled()
        assert tab.chat is not None
        assert tab.chat.title == ("Other" if goes_on else "Back")

    opened.run(scene())


def test_imported_chats_are_not_opened_over_one_that_was_opened_since(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, tab = opened.store, opened.tab
    chat = store.create_conversation(title="A")
    store.add_message(chat.id, None, "user", "Q")
    path = tmp_path / "chat.json"
    path.write_text(to_json(whole_chat(store, store.conversation(chat.id))), encoding="utf-8")
    reading = Late(import_chats.read_chats)
    monkeypatch.setattr(import_chats, "read_chats", reading)

    async def scene() -> None:
        importing = asyncio.ensure_future(tab.list_actions.import_from(path))
        await until(lambda: reading.waiting == 1)
        tab.open_chat(chat.id)
        reading.let_all()
        await importing
        assert opened.titles() == ["A", "A"]
        assert tab.chat is not None
        assert tab.chat.id == chat.id

    opened.run(scene())


def test_choices_hold_in_a_chat_that_is_opened_again_before_they_are_on_the_disk(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, tab = opened.store, opened.tab
    chat, other = store.create_conversation(title="One"), store.create_conversation(title="Other")
    save = store.save_choices
    go_on = Late(lambda: None)

    def save_later(*asked: object) -> None:
        go_on()
        save(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "save_choices", save_later)

    async def scene() -> None:
        tab.open_chat(chat.id)
        tab.choices.choose_when_full("summarise")
        await until(lambda: go_on.waiting == 1)
        tab.open_chat(other.id)
        assert tab.choices.choices.when_full != "summarise"
        tab.open_chat(chat.id)
        assert tab.choices.choices.when_full == "summarise"
        go_on.let_all()
        await until(lambda: store.conversation(chat.id).choices.when_full == "summarise")

    opened.run(scene())


def test_the_check_of_code_in_a_chat_that_was_left_is_ended(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, tab = opened.store, opened.tab
    chat, other = store.create_conversation(title="Code"), store.create_conversation(title="Other")
    asked = store.add_message(chat.id, None, "user", "Q")
    reply = store.add_message(chat.id, asked.id, "assistant", model="M")
    store.save_reply(reply.id, "```json\n{}\n```\n", "", outcome="stop")
    monkeypatch.setattr(check, "child_command", endless_command)

    async def scene() -> None:
        tab.open_chat(chat.id)
        await until(lambda: bool(endless_children("syntax")), "the child")
        tab.open_chat(other.id)
        await until(lambda: not endless_children("syntax"), "its end")
        monkeypatch.undo()
        tab.open_chat(chat.id)
        await until(lambda: "valid JSON" in seen_words(tab), "the verdict")

    opened.run(scene())
