"""Chats are renamed, moved and deleted in their list, with a real store."""

import threading
import zipfile
from pathlib import Path

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.chat.store.records import Conversation
from app.chat.transfer import import_chats
from app.chat.transfer.export import to_json, whole_chat
from app.chat.transfer.import_chats import read_chats
from app.ui.chat.list import chat_rows, pdf_export
from app.ui.widgets import notices
from tests.support.chat_desk import Opened
from tests.support.endless_child import endless_children, endless_command
from tests.support.waiting import until
from tests.support.widgets import seen_words


def test_delete_can_be_undone(opened: Opened) -> None:
    async def scenario() -> None:
        await opened.reply_to("What is the capital of France?")
        chat = opened.tab.chat
        assert chat is not None
        opened.tab.chats.delete_requested.emit(chat.id)
        await until(lambda: opened.titles() == [] and opened.shown() == [])
        [undo] = [b for b in opened.notices.findChildren(QPushButton) if b.text() == "Undo"]
        undo.click()
        await until(lambda: opened.titles() == [chat.title] and len(opened.shown()) == 2)

    opened.run(scenario())


def test_a_key_that_is_held_deletes_one_chat(opened: Opened) -> None:
    delete = QKeySequence(QKeySequence.StandardKey.Delete)
    [action] = [action for action in opened.tab.chats.view.actions() if action.shortcut() == delete]
    assert not action.autoRepeat()


def test_a_chat_is_exported_and_renamed(opened: Opened, tmp_path: Path) -> None:
    async def scenario() -> None:
        await opened.reply_to("What is the capital of France?")
        chat = opened.tab.chat
        assert chat is not None
        opened.tab.chats.rename_requested.emit(chat.id, "Geography")
        await until(lambda: opened.titles() == ["Geography"])
        await opened.tab.list_actions.export(chat.id, "markdown", False, tmp_path / "chat.md")
        await opened.tab.list_actions.export(chat.id, "json", True, tmp_path / "chat.json")

    opened.run(scenario())
    assert (tmp_path / "chat.md").read_text(encoding="utf-8").startswith("# Geography\n")
    assert '"title": "Geography"' in (tmp_path / "chat.json").read_text(encoding="utf-8")


def test_what_has_changed_is_listed_by_another_thread(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, chats = opened.store, opened.tab.chats
    chat = store.create_conversation(title="One")
    threads: list[bool] = []
    listed = store.conversations

    def conversations() -> list[Conversation]:
        threads.append(threading.current_thread() is threading.main_thread())
        return listed()

    async def scene() -> None:
        opened.tab.show_chats()
        monkeypatch.setattr(store, "conversations", conversations)
        for change in (
            lambda: chats.rename_requested.emit(chat.id, "Two"),
            lambda: chats.pin_requested.emit(chat.id, True),
            lambda: chats.delete_requested.emit(chat.id),
            opened.undo,
        ):
            threads.clear()
            change()
            await until(lambda: True in threads, "the list")
            # Whoever lists them first after a change reads them.
            assert threads[0] is False

    opened.run(scene())


def test_chats_are_pinned_and_put_into_folders(opened: Opened) -> None:
    store, rows = opened.store, opened.tab.chats.model
    one, two = (store.create_conversation(title=title) for title in ("One", "Two"))

    def shown() -> list[str]:
        return [str(rows.index(number).data()) for number in range(rows.rowCount())]

    async def scene() -> None:
        opened.tab.show_chats()
        opened.tab.chats.pin_requested.emit(one.id, True)
        await until(lambda: shown()[:2] == ["Pinned", "One"])
        opened.tab.chats.move_requested.emit(two.id, "")
        await until(lambda: shown()[2:4] == ["New folder", "Two"])
        [folder] = store.folders()
        rows.setData(rows.index_of_folder(folder.id), "Work")
        await until(lambda: "Work" in shown())
        rows.toggle_folder(folder.id)
        assert "Two" not in shown()
        opened.tab.chats.folder_delete_requested.emit(folder.id)
        await until(lambda: "Work" not in shown() and "Two" in shown())
        opened.undo()
        await until(lambda: "Work" in shown())
        [again] = store.folders()
        assert store.conversation(two.id).folder_id == again.id

    opened.run(scene())


def test_all_chats_are_exported(opened: Opened, tmp_path: Path) -> None:
    actions = opened.tab.list_actions
    chat = opened.store.create_conversation(title="A / b")
    asked = opened.store.add_message(chat.id, None, "user", "Q")
    opened.store.add_message(chat.id, asked.id, "assistant", "So \\(x^2\\).")
    opened.store.create_conversation(title="Empty")

    async def scene() -> None:
        for kind, ending in (("html", "zip"), ("markdown", "zip"), ("pdf", "zip"), ("json", "json")):
            await actions.export(0, kind, False, tmp_path / f"{kind}.{ending}")
        await actions.export(chat.id, "pdf", False, tmp_path / "one.pdf")
        with zipfile.ZipFile(tmp_path / "html.zip") as archive:
            assert archive.namelist() == ["A b.html"]
        assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF-")
        assert [chat.title for chat in read_chats(tmp_path / "json.json")] == ["A / b"]

    opened.run(scene())


def test_an_exported_chat_can_be_shown_in_its_folder(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(notices, "show_in_folder", shown.append)
    chat = opened.store.create_conversation(title="A")
    opened.store.add_message(chat.id, None, "user", "Q")
    path = tmp_path / "a.md"

    async def scene() -> None:
        await opened.tab.list_actions.export(chat.id, "markdown", False, path)
        [button] = [b for b in opened.notices.findChildren(QPushButton) if b.text() == "Show in folder"]
        button.click()
        assert shown == [path]

    opened.run(scene())


def test_imported_chats_are_opened_and_can_be_taken_out_again(opened: Opened, tmp_path: Path) -> None:
    chat = opened.store.create_conversation(title="A")
    opened.store.add_message(chat.id, None, "user", "Q")
    folder = opened.store.create_folder("Work")
    opened.store.move(chat.id, folder.id)
    path = tmp_path / "chat.json"
    path.write_text(to_json(whole_chat(opened.store, opened.store.conversation(chat.id))), encoding="utf-8")
    opened.store.delete_folder(folder.id)

    async def scene() -> None:
        await opened.tab.list_actions.import_from(path)
        assert opened.titles() == ["A", "A"]
        assert opened.shown() == ["Q"]
        assert [made.name for made in opened.store.folders()] == ["Work"]
        opened.undo()
        await until(lambda: opened.titles() == ["A"] and opened.shown() == [])
        await until(lambda: opened.store.folders() == [])

    opened.run(scene())


@pytest.mark.parametrize("by", ["its button", "the end of the window"])
def test_the_reading_of_a_file_of_chats_can_be_ended(
    by: str, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = opened.store.create_conversation(title="A")
    opened.store.add_message(chat.id, None, "user", "Q")
    path = tmp_path / "chats & more.json"
    path.write_text(to_json(whole_chat(opened.store, opened.store.conversation(chat.id))), encoding="utf-8")
    monkeypatch.setattr(import_chats, "child_command", endless_command)

    async def scene() -> None:
        tab = opened.tab
        before = opened.store.conversations()
        tab.chats.import_requested.emit()
        [dialog] = tab.findChildren(QFileDialog)
        dialog.fileSelected.emit(str(path))
        dialog.close()
        await until(lambda: bool(endless_children("chats")), "the child")
        await until(lambda: "Reading chats & more.json" in seen_words(tab.chats), "the row")
        if by == "its button":
            [stop] = [each for each in tab.chats.findChildren(QPushButton) if each.text() == "Cancel"]
            stop.click()
        else:
            await opened.bridge.finish()
        await until(lambda: not endless_children("chats"), "its end")
        await until(lambda: "Reading" not in seen_words(tab.chats), "the row's end")
        assert opened.store.conversations() == before

    opened.run(scene())


def test_the_keys_go_through_the_chats_as_they_are_listed(opened: Opened, qtbot: QtBot) -> None:
    tab = opened.tab
    older = opened.store.create_conversation()
    opened.store.rename(older.id, "One")
    newer = opened.store.create_conversation()
    opened.store.rename(newer.id, "Two")
    tab.open_chat(newer.id)
    shown = [chat.id for row in range(20) if (chat := tab.chats.model.chat_at(tab.chats.model.index(row)))]
    steps = [("Next chat", 1), ("Previous chat", -1)]
    for title, step in steps if shown.index(newer.id) == 0 else steps[::-1]:
        expected = shown[shown.index(tab.chat.id) + step]
        [action] = [action for action in tab.actions() if action.text() == title]
        action.trigger()
        assert tab.chat is not None
        assert tab.chat.id == expected


@pytest.mark.parametrize("kind", ["markdown", "html", "pdf", "json"])
def test_an_export_leaves_the_gui_thread_alone(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    threads: set[int] = set()

    def note(owner: type, name: str) -> None:
        done = getattr(owner, name)

        def noted(*arguments: object, **named: object) -> object:
            threads.add(threading.get_ident())
            return done(*arguments, **named)

        monkeypatch.setattr(owner, name, noted)

    chat = opened.store.create_conversation(title="A chat")
    asked = opened.store.add_message(chat.id, None, "user", "Q")
    opened.store.add_message(chat.id, asked.id, "assistant", "So **it** is.")
    note(type(opened.store), "branch")
    note(type(opened.store), "messages")
    note(zipfile.ZipFile, "writestr")
    note(pdf_export.PrintedDocument, "setHtml")
    note(pdf_export.PrintedDocument, "print_")

    async def scene() -> None:
        await opened.tab.list_actions.export(chat.id, kind, False, tmp_path / "one")
        await opened.tab.list_actions.export(0, kind, False, tmp_path / "all")

    opened.run(scene())
    assert (tmp_path / "one").stat().st_size
    assert (tmp_path / "all").stat().st_size
    assert threads
    assert threading.get_ident() not in threads


def test_the_rows_are_compared_as_they_were_drawn(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        opened.store.create_conversation(title=f"Chat {number}")
    opened.tab.show_chats()
    drawn: list[object] = []
    shown = chat_rows.drawn_parts

    def counted(row: chat_rows.ChatRow) -> tuple[object, ...]:
        drawn.append(row)
        return shown(row)

    monkeypatch.setattr(chat_rows, "drawn_parts", counted)
    opened.tab.show_chats()
    assert drawn == []
    opened.store.create_conversation(title="Another one")
    opened.tab.show_chats()
    assert len(drawn) == opened.tab.chats.model.rowCount()
