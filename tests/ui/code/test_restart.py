"""The Code tab knows its text and its conversation after a restart."""

from pathlib import Path

from pytestqt.qtbot import QtBot

from app.code.languages import language_of_file
from app.ui.code.code_tab import CodeTab
from tests.support.code_desk import SOURCE, Live, Room, answering, finished, select, show, texts
from tests.support.waiting import until


async def opened_again(room: Room, tab: CodeTab, qtbot: QtBot, folder: Path) -> CodeTab:
    """The tab as the next run of the program shows it."""
    tab.close_tab()()
    again = room.make_tab(qtbot, folder)
    await again.conversation.memory.restored.wait()
    await until(lambda: not again.editor.isReadOnly())
    return again


def test_the_conversation_is_back_after_a_restart(
    room: Room, qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live
) -> None:
    async def scene() -> None:
        show(tab, SOURCE)
        select(tab, "a + b")
        tab.conversation.tasks["explain"].click()
        await answering(tab)
        tab.conversation.stop()
        before = await finished(tab)
        tab.conversation.field.setPlainText("And then?")

        again = await opened_again(room, tab, qtbot, tmp_path)
        [exchange] = again.conversation.exchanges
        assert "Explain line 3 of Untitled" in texts(exchange)
        assert exchange.reply.answer == before.reply.answer
        assert exchange.reply.stats_text == before.reply.stats_text
        assert exchange.sent.text.toPlainText() == before.sent.text.toPlainText()
        assert exchange.excerpt == before.excerpt
        assert again.conversation.field.toPlainText() == "And then?"

        again.conversation.ask("ask")
        await until(lambda: len(again.conversation.exchanges) == 2)
        follow_up = await answering(again)
        again.conversation.stop()
        await finished(again)
        assert follow_up.asked.tokens > exchange.asked.tokens
        again.close_tab()()

    live(scene())


def test_what_was_forgotten_does_not_come_back(
    room: Room, qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live
) -> None:
    async def scene() -> None:
        tab.conversation.field.setPlainText("Say yes.")
        tab.conversation.ask("ask")
        await answering(tab)
        tab.conversation.stop()
        await finished(tab)
        tab.conversation.start_over()

        again = await opened_again(room, tab, qtbot, tmp_path)
        assert again.conversation.exchanges == []
        again.close_tab()()

    live(scene())


def test_a_reply_that_the_end_of_the_program_interrupted_says_so(
    room: Room, qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live
) -> None:
    async def scene() -> None:
        tab.conversation.field.setPlainText("Write a very long story about addition.")
        tab.conversation.ask("ask")
        said = (await answering(tab)).reply.answer

        again = await opened_again(room, tab, qtbot, tmp_path)
        [interrupted] = again.conversation.exchanges
        assert interrupted.reply.answer.startswith(said)
        assert "was closed before this reply was complete" in interrupted.reply.notice_text
        again.close_tab()()

    live(scene())


def test_language_and_cursor_are_back_without_an_edit(
    room: Room, qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live
) -> None:
    async def scene() -> None:
        path = tmp_path / "notes.txt"
        path.write_text("one\ntwo\n", encoding="utf-8")
        await tab.open_file(path)
        tab.editor.set_language(language_of_file("a.py"))
        tab.editor.go_to(2, 3)

        again = await opened_again(room, tab, qtbot, tmp_path)
        assert again.document.path == path
        assert not again.document.modified
        assert again.editor.language.key == "python"
        assert again.editor.textCursor().position() == 6
        again.close_tab()()

    live(scene())
