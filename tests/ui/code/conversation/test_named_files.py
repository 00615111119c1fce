"""Files that a question names with @: completed, counted, sent."""

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.code.ask import FilesTooLongError
from app.code.folder.source_folder import OutsideFolderError
from app.ui.code.code_tab import CodeTab
from tests.support.code_desk import Live, Room, answering, finished, until


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "main.py").write_text("from src.util import half\n")
    (root / "src" / "util.py").write_text("def half(x):\n    return x / 2\n")
    (root / "src" / "my file.py").write_text("spaced = 1\n")
    (root / "long.txt").write_text("word " * 5000)
    (root / "hidden.env").write_text("SECRET = 1\n")
    (root / ".gitignore").write_text("*.env\n")
    return root


async def open_project(tab: CodeTab, project: Path) -> None:
    await tab.open_file(project / "main.py")
    await tab.folder.open_folder(project)
    await until(lambda: bool(tab.folder.index.paths))


def names(tab: CodeTab) -> list[str]:
    shown = tab.conversation.mentions
    return [] if shown.isHidden() else [shown.item(row).text() for row in range(shown.count())]


def test_a_name_is_completed_by_key_and_by_click(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path
) -> None:
    async def scene() -> None:
        await open_project(tab, project)
        field = tab.conversation.field
        field.setFocus()
        qtbot.keyClicks(field, "Compare @")
        assert names(tab)[0] == "main.py"  # what is open comes first
        assert "hidden.env" not in names(tab)
        qtbot.keyClicks(field, "uti")
        assert names(tab) == ["src/util.py"]
        qtbot.keyClick(field, Qt.Key.Key_Return)
        assert field.toPlainText() == "Compare @src/util.py "
        assert names(tab) == []
        assert not tab.conversation.running
        qtbot.keyClicks(field, "and @py")
        first = names(tab)[0]
        qtbot.keyClick(field, Qt.Key.Key_Down)
        qtbot.keyClick(field, Qt.Key.Key_Tab)
        assert field.toPlainText().count("@") == 2
        assert first not in field.toPlainText().split("and ")[1]

        field.clear()
        qtbot.keyClicks(field, "@my")
        qtbot.mouseClick(
            tab.conversation.mentions.viewport(),
            Qt.MouseButton.LeftButton,
            pos=tab.conversation.mentions.visualItemRect(tab.conversation.mentions.item(0)).center(),
        )
        assert field.toPlainText() == '@"src/my file.py" '
        assert tab.window().focusWidget() is field

    live(scene())


def test_escape_refuses_the_names_and_nothing_else(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path
) -> None:
    async def scene() -> None:
        await open_project(tab, project)
        field = tab.conversation.field
        field.setFocus()
        qtbot.keyClicks(field, "What does @pro")
        qtbot.keyClicks(field, "\b\b\b")
        assert names(tab)
        qtbot.keyClick(field, Qt.Key.Key_Escape)
        assert names(tab) == []
        assert tab.window().focusWidget() is field
        qtbot.keyClicks(field, "ma")
        assert names(tab) == []
        qtbot.keyClicks(field, "x and @ma")
        assert names(tab) == ["main.py"]

    live(scene())


def test_named_files_are_counted_and_sent_as_they_are_in_the_editor(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path
) -> None:
    async def scene() -> None:
        await open_project(tab, project)
        await tab.open_file(project / "src" / "util.py")
        tab.editor.moveCursor(tab.editor.textCursor().MoveOperation.End)
        tab.editor.insertPlainText("# not saved\n")
        await tab.open_file(project / "main.py")
        field, state = tab.conversation.field, tab.conversation.state
        field.setPlainText("Why half?")
        await until(lambda: "tokens with the file" in state.text())
        alone = int(state.text().split()[0])
        field.setPlainText('Why half? See @src/util.py, @main.py, @hidden.env and @"src/my file.py".')
        await until(lambda: "src/util.py" in state.text())
        assert "With src/util.py, hidden.env, src/my file.py." in state.text()
        assert int(state.text().split()[0]) > alone + 30

        tab.conversation.ask("ask")
        exchange = await answering(tab)
        tab.conversation.stop()
        await finished(tab)
        sent = exchange.sent.text.toPlainText()
        assert "The file src/util.py:\n```python\ndef half(x):" in sent
        assert "# not saved" in sent
        assert "SECRET = 1" in sent  # named by the user, though not shown
        assert "spaced = 1" in sent
        assert sent.count("from src.util import half") == 1

    live(scene())


def test_a_name_of_no_file_is_said_and_a_word_is_no_name(tab: CodeTab, live: Live, project: Path) -> None:
    async def scene() -> None:
        await open_project(tab, project)
        field, state = tab.conversation.field, tab.conversation.state
        field.setPlainText("What does @property do in @src/gone.py?")
        await until(lambda: "Not found, so not sent: src/gone.py." in state.text())
        assert "property" not in state.text()

    live(scene())


def test_files_that_do_not_fit_are_refused_before_anything_is_sent(
    room: Room, tab: CodeTab, live: Live, project: Path
) -> None:
    async def scene() -> None:
        await open_project(tab, project)
        field, state = tab.conversation.field, tab.conversation.state
        field.setPlainText("Sum up @long.txt")
        await until(lambda: "with the files that it names" in state.text())
        tab.conversation.ask("ask")
        await until(lambda: bool(room.errors))
        assert isinstance(room.errors[0], FilesTooLongError)
        assert tab.conversation.exchanges == []
        assert field.toPlainText() == "Sum up @long.txt"

    live(scene())


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_what_leads_out_of_the_folder_is_not_sent(
    room: Room, tab: CodeTab, live: Live, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "private.txt").write_text("mine")
    (project / "out.txt").symlink_to(tmp_path / "private.txt")

    async def scene() -> None:
        await open_project(tab, project)
        for name in ("out.txt", "../private.txt"):
            room.errors.clear()
            tab.conversation.field.setPlainText(f"Sum up @{name}")
            tab.conversation.ask("ask")
            await until(lambda: bool(room.errors))
            assert isinstance(room.errors[0], OutsideFolderError)
            assert tab.conversation.exchanges == []

    live(scene())
