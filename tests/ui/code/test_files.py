"""Files and other texts that come into the Code tab."""

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from app.ui.code.code_tab import CodeTab
from app.ui.code.files.code_dialogs import CodeDialogs
from tests.support.code_desk import Live, Room, answer_box
from tests.support.waiting import until


def test_a_changed_file_is_overwritten_only_when_the_user_says_so(
    room: Room, qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live
) -> None:
    path = tmp_path / "a.py"

    async def scene() -> None:
        path.write_text("mine")
        await tab.open_file(path)
        qtbot.keyClicks(tab.editor, "x")
        path.write_text("theirs")
        for text, expected in (("Cancel", "theirs"), ("Overwrite", "xmine")):
            saving = room.bridge.start(tab.save())
            await answer_box(tab, text)
            await saving
            assert path.read_text() == expected
        path.write_text("newer")
        qtbot.keyClicks(tab.editor, "y")
        saving = room.bridge.start(tab.save())
        await answer_box(tab, "Reload")
        await saving
        assert tab.editor.text() == "newer"

    live(scene())


def test_a_text_that_is_saved_as_a_file_is_told_of(
    qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pick(_dialogs: CodeDialogs, _folder: Path | None, _name: str) -> Path:
        return path

    monkeypatch.setattr(CodeDialogs, "pick_file_to_save", pick)
    saved: list[Path] = []
    tab.actions_on_files.saved_as.connect(saved.append)
    path = tmp_path / "new.py"

    async def scene() -> None:
        qtbot.keyClicks(tab.editor, "x = 1")
        for _ in range(2):
            await tab.actions_on_files.save(tab.files.current)
            assert path.read_text() == "x = 1"
            assert saved == [path]

    live(scene())


def test_unsaved_text_stays_in_its_tab(qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live) -> None:
    path = tmp_path / "b.py"
    path.write_text("b = 1")

    async def scene() -> None:
        qtbot.keyClicks(tab.editor, "precious")
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        tab.editor.insertFromMimeData(mime)
        await until(lambda: tab.editor.text() == "b = 1")
        tab.take_code("x = 1", "python")
        await until(lambda: tab.editor.text() == "x = 1")
        assert tab.editor.language.key == "python"
        assert [file.editor.text() for file in tab.files.files] == ["precious", "b = 1", "x = 1"]

    live(scene())


def test_code_from_a_chat_does_not_cost_the_text_of_the_last_run(
    room: Room, qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live
) -> None:
    async def scene() -> None:
        qtbot.keyClicks(tab.editor, "precious")
        tab.close_tab()()
        again = room.make_tab(qtbot, tmp_path)
        again.take_code("x = 1", "python")  # before the draft is read
        await until(lambda: [file.editor.text() for file in again.files.files] == ["precious", "x = 1"])
        assert again.files.files[0].is_unsaved
        again.close_tab()()

    live(scene())


def test_what_is_typed_is_kept_while_the_tests_of_the_text_are_still_read(
    room: Room, qtbot: QtBot, tmp_path: Path, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async def scene() -> None:
        tab = room.make_tab(qtbot, tmp_path)
        monkeypatch.setattr(tab.run_card.tests_document, "restore", never)
        await until(lambda: not tab.editor.isReadOnly())
        qtbot.keyClicks(tab.editor, "precious")
        tab.close_tab()()
        again = room.make_tab(qtbot, tmp_path)
        await until(lambda: again.editor.text() == "precious")
        again.close_tab()()

    live(scene())


def test_the_text_is_checked_while_edited(qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")

    async def scene() -> None:
        await tab.open_file(path)
        await until(lambda: "✓ valid Python" in tab.card.verdict.text())
        tab.editor.moveCursor(QTextCursor.MoveOperation.End)
        qtbot.keyClicks(tab.editor, "y = (")
        await until(lambda: "line 2" in tab.card.verdict.text())
        qtbot.keyClick(tab.editor, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
        tab.card.go_to_error()
        assert tab.editor.textCursor().blockNumber() == 1

    live(scene())
