"""Several files in the tabs of the Code tab."""

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.code.languages import language_of_file
from app.ui.code.code_tab import CodeTab
from app.ui.code.files import open_files
from app.ui.code.files.code_dialogs import CodeDialogs
from app.ui.widgets.drop_veil import DropVeil
from tests.support.code_desk import Live, Room, answer_box, offered, show, until
from tests.support.dragging import drag_onto
from tests.support.widgets import seen_words

Control = Qt.KeyboardModifier.ControlModifier
Shift = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.py").write_text(f"{name} = 1\n")
    return folder


def names(tab: CodeTab) -> list[str]:
    return [file.document.name for file in tab.files.files]


def titles(tab: CodeTab) -> list[str]:
    return [tab.files.tabs.tabText(index) for index in range(tab.files.tabs.count())]


async def open_all(tab: CodeTab, project: Path, *wanted: str) -> None:
    for name in wanted:
        await tab.open_file(project / f"{name}.py")


async def opened_again(room: Room, qtbot: QtBot, tab: CodeTab, folder: Path) -> CodeTab:
    tab.close_tab()()
    again = room.make_tab(qtbot, folder)
    await again.files.restored.wait()
    return again


def test_files_open_in_tabs_and_each_only_once(tab: CodeTab, live: Live, project: Path) -> None:
    async def scene() -> None:
        await open_all(tab, project, "a", "b")
        assert names(tab) == ["a.py", "b.py"]  # the untouched text gave its place
        assert tab.editor.text() == "b = 1\n"
        (project / "link.py").symlink_to(project / "a.py")
        await tab.open_file(project / "link.py")
        assert names(tab) == ["a.py", "b.py"]
        assert tab.editor.text() == "a = 1\n"

    live(scene())


def test_keys_go_from_file_to_file_move_and_close_them(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path
) -> None:
    async def scene() -> None:
        await open_all(tab, project, "a", "b", "c")
        qtbot.keyClick(tab.editor, Qt.Key.Key_Tab, Control)
        assert tab.document.name == "a.py"
        assert tab.window().focusWidget() is tab.editor
        qtbot.keyClick(tab.editor, Qt.Key.Key_Backtab, Control | Shift)
        assert tab.document.name == "c.py"
        qtbot.keyClick(tab.editor, Qt.Key.Key_PageUp, Control | Shift)
        assert names(tab) == ["a.py", "c.py", "b.py"]
        qtbot.keyClick(tab.editor, Qt.Key.Key_W, Control)
        await until(lambda: names(tab) == ["a.py", "b.py"])
        assert tab.window().focusWidget() is tab.editor

    live(scene())


def test_closing_asks_about_what_is_not_saved(tab: CodeTab, live: Live, qtbot: QtBot, project: Path) -> None:
    async def scene() -> None:
        await open_all(tab, project, "a", "b")
        tab.files.go_on(-1)
        qtbot.keyClicks(tab.editor, "x")
        assert titles(tab) == ["a.py •", "b.py"]
        tab.files.go_on(1)
        closed = tab.files.files[0]
        tab.files.close_wanted.emit(closed)
        await answer_box(tab, "Cancel")
        await until(lambda: tab.window().focusWidget() is closed.editor)
        assert names(tab) == ["a.py", "b.py"]

        tab.files.close_wanted.emit(closed)
        await answer_box(tab, "Save")
        await until(lambda: names(tab) == ["b.py"])
        assert (project / "a.py").read_text() == "xa = 1\n"

        qtbot.keyClicks(tab.editor, "y")
        tab.files.close_wanted.emit(tab.files.current)
        await answer_box(tab, "Discard")
        await until(lambda: names(tab) == [""])
        assert (project / "b.py").read_text() == "b = 1\n"
        assert (tab.editor.text(), tab.editor.isReadOnly()) == ("", False)

    live(scene())


def test_files_and_drafts_are_back_at_the_next_start(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot, project: Path, tmp_path: Path
) -> None:
    async def scene() -> None:
        await open_all(tab, project, "a", "b", "c")
        tab.files.move_current(-1)
        tab.take_code("fresh", "python")
        await until(lambda: tab.editor.text() == "fresh")
        tab.files.show_file(tab.files.files[1])
        qtbot.keyClicks(tab.editor, "x")

        again = await opened_again(room, qtbot, tab, tmp_path)
        assert names(again) == ["a.py", "c.py", "b.py", ""]
        assert again.document.name == "c.py"
        assert [file.editor.text() for file in again.files.files] == [
            "a = 1\n",
            "xc = 1\n",
            "b = 1\n",
            "fresh",
        ]
        assert [file.is_unsaved for file in again.files.files] == [False, True, False, True]
        await again.actions_on_files.close(again.files.files[0])

        once_more = await opened_again(room, qtbot, again, tmp_path)
        assert names(once_more) == ["c.py", "b.py", ""]
        once_more.close_tab()()

    live(scene())


def test_a_closed_text_is_kept_no_more(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot, project: Path, tmp_path: Path
) -> None:
    async def scene() -> None:
        await open_all(tab, project, "a", "b")
        kept = tab.files.current.number
        await until(lambda: (tmp_path / f"code-draft-{kept}.json").exists())
        await tab.actions_on_files.close(tab.files.current)
        await until(lambda: not (tmp_path / f"code-draft-{kept}.json").exists())
        assert not (tmp_path / f"code-tests-{kept}.json").exists()

    live(scene())


def test_runs_and_tests_belong_to_their_file(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot, project: Path
) -> None:
    (project / "a.py").write_text("print('from a')\nfail\n")

    async def scene() -> None:
        await open_all(tab, project, "a")
        tab.run_card.tests.load_text("assert True", language_of_file("a.py"))
        tab.run_card.run_button.click()
        await until(lambda: bool(tab.run_card.problem))
        await open_all(tab, project, "b")
        assert tab.run_card.output.toPlainText() == tab.run_card.verdict.text() == ""
        assert tab.run_card.problem == tab.run_card.tests.text() == ""
        assert tab.run_card.fix_button.isHidden()
        assert "Nothing has been run yet" in tab.run_card.output.placeholderText()
        tab.files.go_on(1)
        assert "from a" in tab.run_card.output.toPlainText()
        assert "Exit code 1" in tab.run_card.verdict.text()
        assert not tab.run_card.fix_button.isHidden()
        assert tab.run_card.tests.text() == "assert True"

    live(scene())


def test_tests_come_back_with_their_file(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot, project: Path, tmp_path: Path
) -> None:
    async def scene() -> None:
        await open_all(tab, project, "a", "b")
        tab.run_card.take_tests("assert b", "python")
        await tab.actions_on_files.close(tab.files.current)
        again = await opened_again(room, qtbot, tab, tmp_path)
        assert names(again) == ["a.py"]
        await open_all(again, project, "b")
        assert again.run_card.tests.text() == "assert b\n"
        again.close_tab()()

    live(scene())


def test_tests_of_a_text_without_a_file_are_asked_about(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        tab.run_card.take_tests("assert True", "python")
        tab.files.close_wanted.emit(tab.files.current)
        await answer_box(tab, "Cancel")
        assert tab.run_card.tests.text() == "assert True\n"

    live(scene())


def test_one_program_runs_at_a_time_and_its_output_stays_with_it(
    tab: CodeTab, live: Live, project: Path
) -> None:
    (project / "a.py").write_text("import time\nprint('waiting', flush=True)\ntime.sleep(60)\n")

    async def scene() -> None:
        await open_all(tab, project, "b", "a")
        running = tab.files.current
        running.run_card.run_button.click()
        await until(lambda: "waiting" in running.run_card.output.toPlainText())
        tab.files.go_on(1)
        assert tab.document.name == "b.py"
        assert tab.run_card.output.toPlainText() == ""
        assert not tab.run_card.run_button.isEnabled()
        assert tab.run_card.stop_button.isHidden()
        # What belongs to a file ends with it.
        await tab.actions_on_files.close(running)
        await until(lambda: not tab.runner.running)
        assert tab.run_card.run_button.isEnabled()

    live(scene())


def test_a_reply_changes_the_file_that_it_is_about(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot, project: Path
) -> None:
    async def scene() -> None:
        await open_all(tab, project, "a", "b")
        tab.files.go_on(1)
        exchange = await offered(room, qtbot, tab, "```python\na = 2\n```", "a = 1")
        about = tab.files.current
        tab.files.go_on(1)
        tab.conversation.answered.emit(exchange, "refactor")
        assert tab.document.name == "b.py"  # nobody is taken from where they type
        assert about.card.proposing
        assert "changes wait" in tab.files.tabs.tabToolTip(0)
        tab.files.go_on(1)
        assert tab.window().focusWidget() is about.card.proposal_view or not tab.editor.hasFocus()
        about.card.proposal_view.accept_all()
        assert about.editor.text() == "a = 2\n"

        tab.files.go_on(1)
        exchange.rows[0].replace.click()
        await until(lambda: tab.document.name == "a.py")
        await tab.save()
        await tab.actions_on_files.close(about)
        assert names(tab) == ["b.py"]
        exchange.rows[0].run.click()
        await until(lambda: names(tab) == ["b.py", "a.py"])
        await until(lambda: not tab.runner.running)

    live(scene())


def test_saving_over_an_open_file_leaves_it_open_once(
    tab: CodeTab, live: Live, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pick(_dialogs: CodeDialogs, _folder: Path | None, _name: str) -> Path:
        return project / "a.py"

    monkeypatch.setattr(CodeDialogs, "pick_file_to_save", pick)

    async def scene() -> None:
        await open_all(tab, project, "a", "b")
        await tab.actions_on_files.save_as(tab.files.current)
        assert names(tab) == ["a.py"]
        assert (project / "a.py").read_text() == "b = 1\n"

    live(scene())


def test_several_files_are_dropped_at_once(tab: CodeTab, live: Live, project: Path) -> None:
    async def scene() -> None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(project / f"{name}.py")) for name in ("a", "b")])
        tab.editor.insertFromMimeData(mime)
        await until(lambda: names(tab) == ["a.py", "b.py"])

    live(scene())


def test_files_dropped_anywhere_are_opened_and_each_that_cannot_be_is_told(
    room: Room, tab: CodeTab, live: Live, project: Path
) -> None:
    (project / "binary").write_bytes(b"\0")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(project / name)) for name in ("gone.py", "a.py", "binary", "b.py")])
    veil = tab.findChild(DropVeil)

    async def scene() -> None:
        assert drag_onto(tab, mime, lambda: veil.isVisibleTo(tab))
        assert not veil.isVisibleTo(tab)
        await until(lambda: names(tab) == ["a.py", "b.py"])
        await until(lambda: "binary file" in seen_words(tab.window()))
        assert room.errors == [], "they are told here, the newest for a moment; in a window each has a line"

    live(scene())


def test_models_are_left_to_the_window(tab: CodeTab, live: Live, project: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(project / name)) for name in ("a.py", "model.gguf")])

    async def scene() -> None:
        assert not drag_onto(tab, mime)
        assert not tab.editor.canInsertFromMimeData(mime)

    live(scene())


def test_two_files_of_one_name_say_where_they_are(tab: CodeTab, live: Live, project: Path) -> None:
    (project / "sub").mkdir()
    (project / "sub" / "a.py").write_text("other")

    async def scene() -> None:
        await open_all(tab, project, "a")
        await tab.open_file(project / "sub" / "a.py")
        assert titles(tab) == ["a.py — project", "a.py — sub"]
        assert tab.files.tabs.tabToolTip(0) == str(project / "a.py")

    live(scene())


def test_a_file_that_cannot_be_opened_leaves_no_tab(
    room: Room, tab: CodeTab, live: Live, project: Path
) -> None:
    (project / "binary").write_bytes(b"\0")

    async def scene() -> None:
        await open_all(tab, project, "a", "b")
        with pytest.raises(Exception, match="binary file"):
            await tab.open_file(project / "binary")
        assert names(tab) == ["a.py", "b.py"]
        assert tab.document.name == "b.py"

    live(scene())


def test_so_many_files_are_open_that_the_next_one_is_refused(
    tab: CodeTab, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_files, "MOST_FILES", 3)
    said: list[str] = []
    tab.files.noticed.connect(said.append)

    async def scene() -> None:
        show(tab, "x = 1\n")
        for _ in range(3):
            await tab.files.new()
        assert len(tab.files.files) == 3
        assert "Close one first" in said[0]

    live(scene())


def test_in_a_narrow_window_the_verdict_on_the_syntax_is_read_whole(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, "a = 1\n")
        tab.editor.insertPlainText("b = 2\n")
        verdict = tab.card.verdict
        await until(lambda: "valid" in verdict.text())
        place = next(made for made in tab.card.findChildren(QLabel) if made.text().startswith("Line "))
        assert place.isVisible()
        tab.window().resize(720, 800)
        await until(lambda: not place.isVisible() and verdict.width() >= verdict.sizeHint().width())
        tab.editor.insertPlainText("c = 3\n")
        assert not verdict.text()
        assert not place.isVisible()
        tab.window().resize(1112, 800)
        await until(place.isVisible)

    live(scene())
