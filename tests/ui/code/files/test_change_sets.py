"""Changes over several files, as one proposal."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from app.ui.code.code_tab import CodeTab
from tests.support.code_desk import Live, Room, offered, until

UTIL = "def half(x):\n    return x / 2\n\n\ndef twice(x):\n    return x * 2\n"
MAIN = "from util import half\n\nprint(half(3))\n"


def block(name: str, code: str) -> str:
    return f"`{name}`:\n\n```python\n{code}\n```\n\n"


ANSWER = (
    block("src/util.py", "def half(x):\n    return x // 2")
    + block("main.py", MAIN.replace("half(3)", "half(4)"))
    + block("src/deep/new.py", "fresh = 1")
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "main.py").write_text(MAIN)
    (root / "src" / "util.py").write_text(UTIL)
    return root


async def propose(room: Room, qtbot: QtBot, tab: CodeTab, project: Path, answer: str = ANSWER) -> None:
    await tab.open_file(project / "main.py")
    await tab.folder.open_folder(project)
    exchange = await offered(room, qtbot, tab, answer)
    exchange.files_used.connect(tab.conversation.files_used)
    assert exchange.files_button is not None
    exchange.files_button.click()
    await until(lambda: bool(tab.changes.waiting) and not tab.files.change_set_bar.isHidden())


def names(tab: CodeTab) -> list[str]:
    return [file.document.name for file in tab.files.files]


def words(tab: CodeTab) -> str:
    return tab.files.change_set_bar.words.text()


def test_all_files_are_accepted_saved_and_taken_back(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live, project: Path
) -> None:
    async def scene() -> None:
        await propose(room, qtbot, tab, project)
        bar = tab.files.change_set_bar
        assert names(tab) == ["main.py", "util.py", "new.py"]
        assert words(tab) == "Changes in 3 files, 3 to decide."
        assert tab.document.name == "util.py"
        assert tab.window().focusWidget() is tab.card.proposal_view
        bar.accept_button.click()
        assert words(tab) == "3 of 3 files were changed."
        main, util, new = tab.files.files
        assert util.editor.text() == UTIL.replace("x / 2", "x // 2")
        assert main.editor.text() == MAIN.replace("half(3)", "half(4)")
        assert new.editor.text() == "fresh = 1\n"
        assert (project / "src" / "util.py").read_text() == UTIL  # nothing is saved by itself

        bar.save_button.click()
        await until(lambda: (project / "src" / "deep" / "new.py").exists())
        assert (project / "main.py").read_text() == MAIN.replace("half(3)", "half(4)")

        main.editor.moveCursor(QTextCursor.MoveOperation.Start)
        main.editor.insertPlainText("# mine\n")
        bar.undo_button.click()
        assert util.editor.text() == UTIL
        assert new.editor.text() == ""
        assert "main.py" in words(tab)
        assert "not taken back" in words(tab)
        assert main.editor.text() == "# mine\n" + MAIN.replace("half(3)", "half(4)")
        bar.close_button.click()
        assert bar.isHidden()

    live(scene())


def test_files_and_hunks_are_decided_one_by_one(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live, project: Path
) -> None:
    answer = block("src/util.py", UTIL.replace("x / 2", "x // 2").replace("x * 2", "x + x")) + block(
        "main.py", MAIN + "print(1)"
    )

    async def scene() -> None:
        await propose(room, qtbot, tab, project, answer)
        util = tab.files.current
        assert tab.card.proposal_bar.count.text() == "Change 1 of 2"
        qtbot.keyClick(tab.card.proposal_view, Qt.Key.Key_R)
        qtbot.keyClick(tab.card.proposal_view, Qt.Key.Key_A)
        assert util.editor.text() == UTIL.replace("x * 2", "x + x")
        # The next file comes by itself.
        assert tab.document.name == "main.py"
        assert tab.window().focusWidget() is tab.card.proposal_view
        assert words(tab) == "Changes in 2 files, 1 to decide."
        qtbot.keyClick(tab.card.proposal_view, Qt.Key.Key_Escape)
        assert words(tab) == "1 of 2 files were changed."
        assert tab.editor.text() == MAIN
        tab.files.change_set_bar.undo_button.click()
        assert util.editor.text() == UTIL
        util.editor.undo()
        assert util.editor.text() == UTIL.replace("x * 2", "x + x")

    live(scene())


def test_a_new_file_that_is_rejected_is_gone(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live, project: Path
) -> None:
    async def scene() -> None:
        await propose(room, qtbot, tab, project)
        tab.files.change_set_bar.reject_button.click()
        await until(lambda: names(tab) == ["main.py", "util.py"])
        assert words(tab) == "0 of 2 files were changed."
        assert [file.is_unsaved for file in tab.files.files] == [False, False]
        assert not (project / "src" / "deep").exists()

    live(scene())


def test_what_leads_out_of_the_folder_is_not_shown(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "private.py").write_text("mine = 1\n")
    (project / "out.py").symlink_to(tmp_path / "private.py")
    answer = block("out.py", "mine = 2") + block("main.py", MAIN + "print(1)")

    async def scene() -> None:
        await propose(room, qtbot, tab, project, answer)
        assert words(tab).endswith("Not shown: out.py.")
        tab.changes.accept_all()
        assert (tmp_path / "private.py").read_text() == "mine = 1\n"
        assert names(tab) == ["main.py"]

    live(scene())


def test_code_for_another_open_file_goes_there(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live, project: Path
) -> None:
    async def scene() -> None:
        await tab.open_file(project / "src" / "util.py")
        await tab.open_file(project / "main.py")
        exchange = await offered(room, qtbot, tab, block("util.py", "def half(x):\n    return x // 2"))
        assert exchange.files_button is None
        exchange.rows[0].replace.click()
        await until(lambda: tab.document.name == "util.py" and tab.card.proposing)
        tab.changes.accept_all()
        assert tab.editor.text() == UTIL.replace("x / 2", "x // 2")

    live(scene())


def test_a_file_that_is_closed_meanwhile_is_left_out(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live, project: Path
) -> None:
    async def scene() -> None:
        await propose(room, qtbot, tab, project)
        await tab.actions_on_files.close(tab.files.files[1])
        tab.files.change_set_bar.accept_button.click()
        assert tab.changes.waiting == []
        assert tab.files.files[0].editor.text() == MAIN.replace("half(3)", "half(4)")

    live(scene())
