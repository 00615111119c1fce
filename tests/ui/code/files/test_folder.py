"""A folder beside the files of the Code tab."""

import html
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from app.code.folder import source_folder
from app.code.folder.source_folder import FileIndex, OutsideFolderError, SourceFolder
from app.code.open_texts import OpenTexts, TextsFolder
from app.ui.code.code_tab import CodeTab
from app.ui.code.files.folder_tree import FolderTree
from app.ui.code.files.open_file import OpenFile
from tests.support.code_desk import Live, Room, until
from tests.support.widgets import seen_words

WIDE = (1400, 800)
MARKUP = "<b>bold<img src=x>.py"
NARROW = (708, 640)
WAIT_S = 60.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path in ("src/app/main.py", "src/util.py", "build/out.py", "README.md"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"# {path}\n")
    (root / ".gitignore").write_text("build/\n")
    return root


def rows(tree: FolderTree, item: QTreeWidgetItem | None = None) -> list[str]:
    above = item or tree.invisibleRootItem()
    return [above.child(row).text(0) for row in range(above.childCount())]


def item_of(tree: FolderTree, *names: str) -> QTreeWidgetItem:
    item = tree.invisibleRootItem()
    for name in names:
        item = next(item.child(row) for row in range(item.childCount()) if item.child(row).text(0) == name)
    return item


async def open_project(tab: CodeTab, project: Path, size: tuple[int, int] = WIDE) -> FolderTree:
    tab.window().resize(*size)
    await tab.folder.open_folder(project)
    await until(lambda: bool(tab.folder.index.paths))
    return tab.folder.tree


def test_the_tree_shows_a_folder_when_it_is_opened_and_opens_files(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path
) -> None:
    async def scene() -> None:
        tree = await open_project(tab, project)
        assert tab.folder.isVisible()
        assert rows(tree) == ["src", ".gitignore", "README.md"]
        src = item_of(tree, "src")
        assert src.childCount() == 0
        src.setExpanded(True)
        await until(lambda: rows(tree, src) == ["app", "util.py"])
        tree.setCurrentItem(item_of(tree, "src", "util.py"))
        tree.setFocus()
        qtbot.keyClick(tree, Qt.Key.Key_Return)
        await until(lambda: tab.document.name == "util.py")
        assert tab.window().focusWidget() is tab.editor
        assert tab.folder.isVisible()

    live(scene())


def test_a_file_is_found_by_what_is_typed_of_its_path(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path
) -> None:
    async def scene() -> None:
        await open_project(tab, project)
        qtbot.keyClick(tab.editor, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
        assert tab.window().focusWidget() is tab.folder.field
        qtbot.keyClicks(tab.folder.field, "out")
        assert tab.folder.found.count() == 0  # ignored
        tab.folder.field.clear()
        qtbot.keyClicks(tab.folder.field, "ma app")
        assert tab.folder.found.item(0).text() == "src/app/main.py"
        qtbot.keyClick(tab.folder.field, Qt.Key.Key_Return)
        await until(lambda: tab.document.name == "main.py")
        qtbot.keyClick(tab.folder.field, Qt.Key.Key_Escape)
        assert tab.folder.field.text() == ""
        qtbot.keyClick(tab.folder.field, Qt.Key.Key_Escape)
        assert tab.window().focusWidget() is tab.editor

    live(scene())


def test_return_opens_a_file_that_is_found_later(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_look, index = threading.Event(), SourceFolder.index

    def index_later(folder: SourceFolder, is_over: Callable[[], bool]) -> FileIndex:
        assert may_look.wait(WAIT_S)
        return index(folder, is_over)

    async def scene() -> None:
        monkeypatch.setattr(SourceFolder, "index", index_later)
        await tab.folder.open_folder(project)
        qtbot.keyClicks(tab.folder.field, "ma app")
        assert seen_words(tab.folder).splitlines()[-1] == "Looking for files…"
        qtbot.keyClick(tab.folder.field, Qt.Key.Key_Return)
        may_look.set()
        await until(lambda: tab.document.name == "main.py")

    live(scene())


def test_in_a_narrow_window_the_folder_lies_over_the_text_until_a_file_is_opened(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path
) -> None:
    async def scene() -> None:
        tree = await open_project(tab, project, NARROW)
        assert tab.folder.isVisible()
        assert tab.folder.parent() is tab.files
        assert tab.conversation.width() > 200
        tree.chosen.emit("README.md")
        await until(lambda: tab.document.name == "README.md")
        assert not tab.folder.isVisible()
        qtbot.mouseClick(tab.files.folder_button, Qt.MouseButton.LeftButton)
        assert tab.folder.isVisible()
        qtbot.mouseClick(tab.files.folder_button, Qt.MouseButton.LeftButton)
        assert not tab.folder.isVisible()
        tab.window().resize(*WIDE)
        tab.folder_place.show_panel(True)
        await until(lambda: tab.folder.isVisible() and tab.folder.parent() is not tab.files)

    live(scene())


def test_the_folder_is_back_at_the_next_start(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot, project: Path, tmp_path: Path
) -> None:
    async def scene() -> None:
        await open_project(tab, project)
        tab.close_tab()()
        again = room.make_tab(qtbot, tmp_path)
        await until(lambda: again.folder.root == project and bool(rows(again.folder.tree)))
        await again.folder.open_folder(None)
        again.close_tab()()
        once_more = room.make_tab(qtbot, tmp_path)
        await once_more.files.restored.wait()
        assert once_more.folder.root is None
        assert not once_more.folder.isVisible()
        once_more.close_tab()()

    live(scene())


def test_a_folder_that_is_opened_before_the_last_one_is_back_stays(
    room: Room,
    tab: CodeTab,
    live: Live,
    qtbot: QtBot,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the last run's folder takes its place, nor is it opened again over what is typed."""
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    (chosen / "main.py").write_text("")
    may_load, load, restored = threading.Event(), TextsFolder.load, OpenFile.restore

    def load_later(folder: TextsFolder) -> OpenTexts:
        assert may_load.wait(WAIT_S)
        return load(folder)

    async def scene() -> None:
        await open_project(tab, project)
        tab.close_tab()()
        monkeypatch.setattr(TextsFolder, "load", load_later)
        again = room.make_tab(qtbot, tmp_path)
        await again.folder.open_folder(chosen)
        qtbot.keyClicks(again.folder.field, "main")
        may_load.set()
        await again.restoring
        assert again.folder.root == chosen
        assert again.folder.field.text() == "main"
        again.close_tab()()
        # Another one is opened between the text in front and the folder.
        again = room.make_tab(qtbot, tmp_path)
        texts = again.files

        async def restore_and_open(file: OpenFile, *ways: Callable[[], None]) -> None:
            await restored(file, *ways)
            if not texts.restored.is_set():
                await again.folder.open_folder(project)

        monkeypatch.setattr(OpenFile, "restore", restore_and_open)
        await again.restoring
        assert again.folder.root == project
        again.close_tab()()
        monkeypatch.setattr(OpenFile, "restore", restored)
        once_more = room.make_tab(qtbot, tmp_path)
        await once_more.restoring
        assert once_more.folder.root == project
        once_more.close_tab()()

    live(scene())


def test_what_changed_on_the_disk_is_there_when_it_is_read_again(
    tab: CodeTab, live: Live, project: Path
) -> None:
    async def scene() -> None:
        tree = await open_project(tab, project)
        src = item_of(tree, "src")
        src.setExpanded(True)
        await until(lambda: rows(tree, src) == ["app", "util.py"])
        tree.setCurrentItem(item_of(tree, "src", "util.py"))
        (project / "src" / "new.py").write_text("")
        (project / "first.py").write_text("")
        await tab.folder.read_again()
        await until(lambda: rows(tree, item_of(tree, "src")) == ["app", "new.py", "util.py"])
        assert rows(tree) == ["src", ".gitignore", "first.py", "README.md"]
        assert item_of(tree, "src").isExpanded()

    live(scene())


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
def test_a_hostile_folder_is_shown_and_leads_nowhere(
    room: Room, tab: CodeTab, live: Live, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private.txt").write_text("mine")
    (project / "out.txt").symlink_to(tmp_path / "private.txt")
    (project / "up").symlink_to("..")
    (project / "a\nb\x1b[31m\u202e.py").write_text("x")
    os.mkfifo(project / "pipe.py")
    (project / MARKUP).write_text("x")
    monkeypatch.setattr(source_folder, "MOST_SHOWN", 6)

    async def scene() -> None:
        tree = await open_project(tab, project)
        assert rows(tree) == [
            "src",
            ".gitignore",
            MARKUP,
            "a b·[31m·.py",
            "out.txt",
            "README.md",
            "There are more, which are not shown.",
        ]
        out = item_of(tree, "out.txt")
        assert "leads out" in out.toolTip(0)
        assert item_of(tree, MARKUP).toolTip(0) == f"<span>{html.escape(MARKUP)}</span>"
        tree.itemActivated.emit(out, 0)
        assert tab.document.name == ""
        room.errors.clear()
        tree.chosen.emit("up/private.txt")
        await until(lambda: bool(room.errors))
        assert isinstance(room.errors[0], OutsideFolderError)
        tree.chosen.emit("a\nb\x1b[31m\u202e.py")
        await until(lambda: tab.editor.text() == "x")
        assert tab.files.tabs.tabText(0) == "a b·[31m·.py"

    live(scene())


def test_a_folder_that_is_dropped_is_opened(tab: CodeTab, live: Live, project: Path) -> None:
    async def scene() -> None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(project))])
        assert tab.editor.canInsertFromMimeData(mime), "or the window takes it for models"
        tab.editor.insertFromMimeData(mime)
        await until(lambda: tab.folder.root == project)

    live(scene())


def test_a_folder_that_went_is_empty(tab: CodeTab, live: Live, project: Path) -> None:
    async def scene() -> None:
        tree = await open_project(tab, project)
        project.rename(project.with_name("moved"))
        await tab.folder.read_again()
        assert rows(tree) == []

    live(scene())
