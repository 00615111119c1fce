"""Documents in the Chat tab, with the real engine and a real store."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QFrame, QLabel, QPushButton

from app.base.children import ChildName, child_command
from app.chat.documents import documents
from app.chat.documents.documents import Document
from app.chat.prompting.attached import content_for_model
from app.engine.protocol import LoadSettings
from app.ui.chat.composing import chat_attachments
from app.ui.chat.composing.composer import ComposerState
from app.ui.chat.conversation.attachment_chips import MOST_CHIP_PX
from app.ui.chat.conversation.question_card import QuestionCard
from app.ui.widgets.drop_veil import DropVeil
from app.ui.widgets.elided_label import ElidedLabel
from tests.support.chat_desk import WAIT_S, Opened
from tests.support.children import running_children
from tests.support.starter_variants import write_embedding_model
from tests.support.waiting import until
from tests.support.widgets import all_seen, seen_words


def dragged(*paths: Path) -> tuple[QMimeData, QDragEnterEvent, QDropEvent]:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    button, key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    both = Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
    enter = QDragEnterEvent(QPoint(5, 5), both, data, button, key)
    return data, enter, QDropEvent(QPointF(5, 5), both, data, button, key)


def test_an_embedding_model_beside_helps_to_choose_passages(opened: Opened, tmp_path: Path) -> None:
    async def scenario() -> None:
        tab, session = opened.tab, opened.desk.session
        chat_model = session.info
        assert chat_model is not None
        file = write_embedding_model(tmp_path / "embedding.gguf")
        await session.load(file, LoadSettings(context_tokens=512, threads=1, sequences=1))
        session.use(chat_model.path)
        assert session.embedding_model == str(file)
        try:
            filler = "The committee met on a rainy day and spoke about the town. " * 24
            text = "\n\n".join([filler] * 2 + ["A kitten sleeps on the windowsill. " * 12] + [filler])
            document = tmp_path / "long.txt"
            document.write_text(text, encoding="utf-8")
            await tab.attachments.attach([document])
            await opened.reply_to("Where is the sleeping cat?")
        finally:
            await session.unload(str(file))
        chat = tab.chat
        assert chat is not None
        question = opened.store.branch(chat.id)[0]
        assert question.passages
        assert any("kitten" in text[passage.start : passage.end] for passage in question.passages)
        assert opened.store.vectors.count(question.attachments[0].id) > len(question.passages)

    opened.run(scenario())


def test_a_document_goes_along_whole_and_stays_with_its_question(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("The code word is marmalade.", encoding="utf-8")

    async def scene() -> None:
        opened.tab.composer.files_given.emit([path, tmp_path / "missing.txt"])
        await until(lambda: opened.tab.composer.attachments.names == ["note.txt"])
        await until(lambda: any("missing.txt" in text for text in opened.tab.failures.texts))
        opened.awaited += opened.tab.failures.texts
        await opened.reply_to("What is the code word?")
        assert opened.tab.composer.attachments.names == []
        chat = opened.tab.chat
        assert chat is not None
        question = opened.store.branch(chat.id)[0]
        assert [attachment.name for attachment in question.attachments] == ["note.txt"]
        assert question.passages is None
        assert "marmalade" in content_for_model(question)
        card = opened.tab.conversation.messages()[0]
        assert isinstance(card, QuestionCard)
        assert card.attachments.names == ["note.txt"]
        card.edited.emit("Say the code word.")
        await until(lambda: opened.tab.running_view is not None)
        await opened.idle()
        edited = opened.store.branch(chat.id)[0]
        assert edited.content == "Say the code word."
        assert [attachment.text for attachment in edited.attachments] == ["The code word is marmalade."]

    opened.run(scene())


def test_of_a_long_document_the_fitting_passages_go_along_and_are_named(
    opened: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "book.txt"
    filler = "Nothing happens in this part of the book, and the weather is fine.\n\n" * 400
    path.write_text(filler + "The lighthouse keeper is called Ines.\n\n" + filler, encoding="utf-8")

    async def scene() -> None:
        await opened.tab.attachments.attach([path])
        view = await opened.reply_to("What is the lighthouse keeper called?")
        chat = opened.tab.chat
        assert chat is not None
        question = opened.store.branch(chat.id)[0]
        assert question.passages
        assert "Ines" in content_for_model(question)
        assert len(content_for_model(question)) < len(filler)
        assert len(view.sources.texts) == len(question.passages)
        [place] = [
            passage
            for passage in question.passages
            if "Ines" in question.attachments[0].text[passage.start : passage.end]
        ]
        dialog = opened.tab.attachments.show_document(question.attachments[0], question.passages, place)
        assert dialog.first_shown
        dialog.close()

    opened.run(scene())


def test_the_same_file_is_attached_once(opened: Opened, tmp_path: Path) -> None:
    names = ("a.md", "b.md", "c.md")
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.write_text(f"text of {path.name}", encoding="utf-8")
    first = paths[0]
    chips = opened.tab.composer.attachments

    def told() -> str:
        return " ".join(label.text() for label in opened.notices.findChildren(QLabel))

    async def scene() -> None:
        attach = opened.tab.attachments.attach
        await asyncio.gather(attach([first]), attach([first]))
        assert chips.names == ["a.md"]
        assert "a.md is attached already." in told()
        await attach(paths)
        assert chips.names == list(names)
        await attach(paths)
        assert chips.names == list(names)
        # What was written into since is another text.
        first.write_text("another text", encoding="utf-8")
        await attach([first])
        assert chips.names == [*names, "a.md"]

    opened.run(scene())


def test_many_documents_wrap_and_leave_the_context_in_sight(opened: Opened, tmp_path: Path) -> None:
    paths = [tmp_path / f"notes on the chapter number {number}.md" for number in range(7)]
    for path in paths:
        path.write_text(f"text of {path.name}", encoding="utf-8")
    tab = opened.tab
    composer = tab.composer

    def chips() -> list[QFrame]:
        frames = composer.attachments.findChildren(QFrame)
        return [chip for chip in frames if chip.property("look") == "sunken" and not chip.isHidden()]

    async def scene() -> None:
        tab.resize(1000, 700)
        await tab.attachments.attach(paths)
        composer.set_text("What is in these?")
        await until(lambda: bool(composer.meter.text))
        await until(lambda: all("tokens" in chip.findChild(ElidedLabel).text() for chip in chips()))
        await until(lambda: len(chips()) == 7)
        for chip in chips():
            assert chip.width() > MOST_CHIP_PX / 2
        assert len({chip.y() for chip in chips()}) > 1
        meter = composer.meter
        corner = meter.mapTo(tab, meter.rect().bottomRight())
        assert tab.rect().contains(corner)
        assert meter.width() >= meter.minimumSizeHint().width()
        # All of them are in sight.
        tall = composer.attachments.height()
        assert all(chip.geometry().bottom() <= tall for chip in chips())
        more = [tmp_path / f"more notes on the chapter number {number}.md" for number in range(12)]
        for path in more:
            path.write_text(f"text of {path.name}", encoding="utf-8")
        await tab.attachments.attach(more)
        await until(lambda: len(chips()) == 19)
        assert composer.attachments.height() >= tall
        assert composer.attachments.height() < 200
        assert composer.attachments.verticalScrollBar().maximum() > 0

    opened.run(scene())


def test_files_are_looked_for_among_the_documents_first(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = tmp_path / "Documents"
    documents.mkdir()
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: str(documents))
    other = tmp_path / "other"
    other.mkdir()
    path = other / "a.md"
    path.write_text("text", encoding="utf-8")

    async def scene() -> None:
        attachments = opened.tab.attachments
        attachments.ask_for_files()
        dialog = opened.tab.findChild(QFileDialog)
        assert dialog.directory().path() == str(documents)
        assert not dialog.testOption(QFileDialog.Option.DontUseNativeDialog)
        opened.tab.composer.attach.setFocus()
        dialog.filesSelected.emit([str(path)])
        dialog.close()
        assert opened.tab.composer.focusProxy() is opened.tab.focusWidget(), "its message comes next"
        await until(lambda: opened.tab.composer.attachments.names == ["a.md"])
        attachments.ask_for_files()
        again = opened.tab.findChildren(QFileDialog)[-1]
        assert again.directory().path() == str(other)
        again.close()

    opened.run(scene())


def test_documents_dropped_anywhere_are_attached_and_models_are_not(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("text", encoding="utf-8")
    tab = opened.tab
    veil = tab.findChild(DropVeil)

    async def scene() -> None:
        _model, enter, _drop = dragged(tmp_path / "model.gguf")
        enter.ignore()
        QApplication.sendEvent(tab, enter)
        assert not enter.isAccepted()

        _data, enter, drop = dragged(path)
        QApplication.sendEvent(tab, enter)
        assert enter.isAccepted()
        assert veil.isVisibleTo(tab)
        # Whatever is proposed: who drags would delete what is said to be moved.
        drop.setDropAction(Qt.DropAction.MoveAction)
        QApplication.sendEvent(tab, drop)
        assert drop.isAccepted()
        assert drop.dropAction() == Qt.DropAction.CopyAction
        assert not veil.isVisibleTo(tab)
        await until(lambda: tab.composer.attachments.names == ["a.md"])

    opened.run(scene())


def test_a_folder_that_is_dropped_is_for_the_models(opened: Opened, tmp_path: Path) -> None:
    folder, note = tmp_path / "Llama-3.1", tmp_path / "note.txt"
    folder.mkdir()
    note.write_text("text", encoding="utf-8")
    tab = opened.tab
    given: list[list[Path]] = []
    tab.models_dropped.connect(given.append)

    async def scene() -> None:
        _data, enter, drop = dragged(folder, note)
        QApplication.sendEvent(tab, enter)
        assert enter.isAccepted()
        QApplication.sendEvent(tab, drop)
        await until(lambda: given)
        assert given == [[folder, note]]
        assert not tab.attachments.reading
        assert tab.composer.attachments.names == []

    opened.run(scene())


@pytest.mark.parametrize("draft", ["", "about it"])
def test_a_document_comes_back_in_its_own_chat_whichever_is_open(
    opened: Opened, tmp_path: Path, draft: str
) -> None:
    """One that was left with nothing in it is gone: another takes its place."""
    path = tmp_path / "a.md"
    path.write_text("text", encoding="utf-8")
    tab, store = opened.tab, opened.store

    async def scene() -> None:
        other = store.create_conversation(title="other")
        tab.open_chat(None)
        await tab.attachments.attach([path])
        chat = tab.chat
        assert chat is not None
        tab.composer.set_text(draft)
        tab.composer.attachments.removed.emit(tab.attachments.waiting[0])
        await until(lambda: tab.composer.attachments.names == [])
        tab.open_chat(other.id)
        there = {chat.id} if draft else set()
        await until(lambda: {chat.id} & {each.id for each in store.conversations()} == there)
        opened.undo()

        def holding() -> list[int]:
            return [each.id for each in store.conversations() if store.waiting_attachments(each.id)]

        await until(holding, "the document")
        [holder] = holding()
        assert holder != other.id
        assert (holder == chat.id) == bool(draft)
        await until(lambda: tab.chats.model.index_of(holder).isValid(), "the chat in the list")
        assert tab.composer.attachments.names == []

    opened.run(scene())


def test_a_waiting_document_is_kept_with_its_chat_and_can_be_taken_away(
    opened: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "a.md"
    path.write_text("text", encoding="utf-8")

    async def scene() -> None:
        await opened.tab.attachments.attach([path])
        chat = opened.tab.chat
        assert chat is not None
        opened.tab.open_chat(None)
        assert opened.tab.composer.attachments.names == []
        opened.tab.open_chat(chat.id)
        assert opened.tab.composer.attachments.names == ["a.md"]
        opened.tab.composer.attachments.removed.emit(opened.tab.attachments.waiting[0])
        await until(lambda: opened.tab.composer.attachments.names == [])
        opened.undo()
        await until(lambda: opened.tab.composer.attachments.names == ["a.md"])

    opened.run(scene())


@contextmanager
def slow_reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let documents be read only once the event is set."""
    go_on, read = threading.Event(), chat_attachments.read_document

    def slow(path: Path, cancel: threading.Event | None = None) -> Document:
        assert go_on.wait(WAIT_S)
        return read(path, cancel)

    monkeypatch.setattr(chat_attachments, "read_document", slow)
    try:
        yield go_on
    finally:
        go_on.set()


@pytest.mark.parametrize("is_left", [False, True])
def test_a_question_waits_for_the_documents_that_are_being_read(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_left: bool
) -> None:
    path = tmp_path / "note.txt"
    path.write_text("The code word is marmalade.", encoding="utf-8")

    async def scene() -> None:
        tab = opened.tab
        tab.open_chat(None)
        with slow_reading(monkeypatch) as go_on:
            tab.composer.files_given.emit([path])
            tab.composer.send_requested.emit("What is the code word?")
            await until(lambda: tab.composer.state is ComposerState.QUEUED, "the queue")
            assert tab.composer.reason.startswith("Waits for the documents.")
            assert "note.txt · being read…" in seen_words(tab.composer.attachments)
            assert "being read" in tab.comparison.refusal() or "being written" in tab.comparison.refusal()
            if is_left:
                tab.open_chat(opened.store.create_conversation(title="another").id)
                assert "being read" not in seen_words(tab.composer.attachments)
            go_on.set()
            await until(lambda: bool(tab.answered_chats), "the reply")
            [chat_id] = tab.answered_chats
            await until(lambda: not tab.exchange.busy, "its end")
        assert "being read" not in seen_words(tab.composer.attachments)
        question = opened.store.messages(chat_id)[0]
        assert [attachment.name for attachment in question.attachments] == ["note.txt"]
        assert opened.store.waiting_attachments(chat_id) == []

    opened.run(scene())


def test_files_that_were_being_read_at_the_end_are_read_again(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in ("one.txt", "two.txt", "missing.txt")]
    for path in paths[:2]:
        path.write_text(f"The code word of {path.name} is marmalade.", encoding="utf-8")
    tab, store = opened.tab, opened.store

    async def scene() -> None:
        chat = store.create_conversation(title="left")
        store.note_files(chat.id, [paths[0], paths[2]])
        tab.open_chat(store.create_conversation().id)
        open_chat = tab.chat
        assert open_chat is not None
        with slow_reading(monkeypatch) as read_on:
            tab.composer.files_given.emit([paths[1]])
            await until(lambda: len(store.files_to_read()) == 3, "the note of the file")
            tab.attachments.go_on()
            await until(lambda: sorted(tab.attachments.reading) == [chat.id, open_chat.id], "both readings")
            # What is not read yet is something in it.
            assert not store.delete_if_empty(open_chat.id)
            read_on.set()
            await until(lambda: not tab.attachments.reading, "their end")
        assert [each.name for each in store.waiting_attachments(chat.id)] == ["one.txt"]
        assert tab.composer.attachments.names == ["two.txt"]
        assert store.files_to_read() == []
        opened.awaited += tab.failures.texts
        assert any("missing.txt" in text for text in tab.failures.texts)

    opened.run(scene())


def test_a_question_whose_document_cannot_be_read_is_not_sent(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        tab = opened.tab
        tab.composer.set_text("What is the code word?")
        with slow_reading(monkeypatch) as go_on:
            tab.composer.files_given.emit([tmp_path / "missing.txt"])
            tab.composer.send_requested.emit(tab.composer.text())
            await until(lambda: tab.composer.state is ComposerState.QUEUED, "the queue")
            go_on.set()
            await opened.idle()
        opened.awaited += tab.failures.texts
        assert any("missing.txt" in text for text in tab.failures.texts)
        assert tab.composer.text() == "What is the code word?"
        assert opened.shown() == []

    opened.run(scene())


HELD = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While it is set, a child that reads a document never comes to an end."""
    held = threading.Event()
    held.set()

    def command(name: ChildName) -> list[str]:
        return HELD if held.is_set() else child_command(name)

    monkeypatch.setattr(documents, "child_command", command)
    yield held
    for child in running_children(HELD):
        child.kill()


def remover(opened: Opened, name: str) -> QPushButton:
    """The button that takes this document away."""
    buttons = all_seen(opened.tab.composer.attachments, QPushButton)
    [found] = [each for each in buttons if each.accessibleName() == f"Remove {name}"]
    return found


def test_a_question_goes_on_without_the_document_whose_reading_is_given_up(
    opened: Opened, tmp_path: Path, hold: threading.Event
) -> None:
    slow, note = tmp_path / "slow.txt", tmp_path / "note.txt"
    slow.write_text("Never to be read.", encoding="utf-8")
    note.write_text("The code word is marmalade.", encoding="utf-8")

    async def scene() -> None:
        tab = opened.tab
        tab.open_chat(None)
        tab.composer.files_given.emit([slow, note])
        tab.composer.send_requested.emit("What is the code word?")
        await until(lambda: len(running_children(HELD)) == 1, "the child that reads")
        await until(lambda: tab.composer.state is ComposerState.QUEUED, "the queue")
        # As the other chips, it can be reached with the keyboard.
        button = remover(opened, "slow.txt")
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
        hold.clear()
        button.click()
        assert "slow.txt" not in seen_words(tab.composer.attachments)
        assert "note.txt · being read…" in seen_words(tab.composer.attachments)
        await until(lambda: bool(tab.answered_chats), "the reply")
        [chat_id] = tab.answered_chats
        assert running_children(HELD) == []
        await until(lambda: not tab.exchange.busy, "its end")
        question = opened.store.messages(chat_id)[0]
        assert [attachment.name for attachment in question.attachments] == ["note.txt"]
        assert opened.store.files_to_read() == []
        assert tab.attachments.reading == []

    opened.run(scene())


def test_a_file_that_waits_for_another_to_be_read_can_be_taken_away(
    opened: Opened, tmp_path: Path, hold: threading.Event
) -> None:
    paths = [tmp_path / name for name in ("one.txt", "two.txt", "three.txt")]
    for path in paths:
        path.write_text(f"The words of {path.name}", encoding="utf-8")

    async def scene() -> None:
        tab = opened.tab
        tab.open_chat(None)
        tab.composer.files_given.emit(paths)
        # Before anything is noted of them.
        remover(opened, "two.txt").click()
        await until(lambda: len(running_children(HELD)) == 1, "the child that reads")
        hold.clear()
        remover(opened, "one.txt").click()
        await until(lambda: not tab.attachments.reading, "the end of the reading")
        assert tab.composer.attachments.names == ["three.txt"]
        assert opened.store.files_to_read() == []

    opened.run(scene())


def test_a_chat_that_is_deleted_ends_the_reading_of_its_documents_until_it_is_restored(
    opened: Opened, tmp_path: Path, hold: threading.Event
) -> None:
    path = tmp_path / "note.txt"
    path.write_text("The code word is marmalade.", encoding="utf-8")

    async def scene() -> None:
        tab, store = opened.tab, opened.store
        chat = store.create_conversation(title="to go")
        tab.open_chat(chat.id)
        tab.composer.files_given.emit([path])
        await until(lambda: len(running_children(HELD)) == 1, "the child that reads")
        tab.chats.delete_requested.emit(chat.id)
        await until(lambda: not running_children(HELD), "the end of the child")
        await until(lambda: not store.lists(chat.id) and not tab.attachments.reading, "the end of the chat")
        assert store.waiting_attachments(chat.id) == []
        hold.clear()
        opened.undo()
        await until(lambda: tab.composer.attachments.names == ["note.txt"], "the document")
        assert store.files_to_read() == []

    opened.run(scene())


def test_a_tab_that_ends_ends_the_reading_of_its_documents(
    opened: Opened, tmp_path: Path, hold: threading.Event
) -> None:
    path = tmp_path / "note.txt"
    path.write_text("The code word is marmalade.", encoding="utf-8")

    async def scene() -> None:
        tab, store = opened.tab, opened.store
        tab.open_chat(store.create_conversation(title="left").id)
        tab.composer.files_given.emit([path])
        await until(lambda: len(running_children(HELD)) == 1, "the child that reads")
        await asyncio.to_thread(tab.close_down())
        await until(lambda: not running_children(HELD), "the end of the child")
        # It is read when the program starts again.
        assert [file.path for file in store.files_to_read()] == [path]

    opened.run(scene())
