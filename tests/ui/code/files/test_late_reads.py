"""An answer of the disk that comes late takes nothing away that was typed, saved or opened since."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.base.errors import StillroomError
from app.code import check
from app.code.ask import Excerpt
from app.code.extract import CodeBlock, code_blocks
from app.code.folder.gitignore import IgnoreScope
from app.code.folder.source_folder import Listing, SourceFolder
from app.code.languages import PLAIN_TEXT, language_named
from app.ui.base.bridge import Bridge
from app.ui.code.code_tab import CodeTab
from app.ui.code.conversation.question_count import QuestionCount
from app.ui.code.editor import code_document
from app.ui.code.files import change_sets, code_editor_card, open_files
from tests.support.code_desk import Live, until
from tests.support.endless_child import endless_children, endless_command
from tests.support.late_answers import Late


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.py").write_text(f"{name} = 1\n")
    return folder


def texts(tab: CodeTab) -> list[str]:
    return [file.editor.text() for file in tab.files.files]


async def settled() -> None:
    """Let what has answered come to the window."""
    for _ in range(20):
        await asyncio.sleep(0.005)


def test_what_is_typed_while_the_first_file_is_read_stays(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Late(code_document.read_text_file)
    monkeypatch.setattr(code_document, "read_text_file", reading)
    monkeypatch.setattr(open_files, "read_text_file", reading, raising=False)

    async def scene() -> None:
        opening = asyncio.ensure_future(tab.open_file(project / "a.py"))
        await until(lambda: reading.waiting == 1)
        qtbot.keyClicks(tab.editor, "draft")
        reading.let_all()
        await opening
        assert texts(tab) == ["draft", "a = 1\n"]
        assert tab.document.name == "a.py"

    live(scene())


def test_what_is_typed_while_a_file_is_read_again_stays(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        await tab.open_file(project / "a.py")
        (project / "a.py").write_text("elsewhere = 2\n")
        reading, said = Late(code_document.read_text_file), list[str]()
        monkeypatch.setattr(code_document, "read_text_file", reading)
        tab.document.noticed.connect(said.append)
        again = asyncio.ensure_future(tab.actions_on_files.reload(tab.files.current))
        await until(lambda: reading.waiting == 1)
        qtbot.keyClicks(tab.editor, "typed ")
        reading.let_all()
        await again
        assert tab.editor.text() == "typed a = 1\n"
        assert tab.document.modified
        assert "was edited meanwhile" in said[0]

    live(scene())


def test_the_file_holds_what_was_saved_last(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        await tab.open_file(project / "a.py")
        writing = Late(code_document.write_text_file)
        monkeypatch.setattr(code_document, "write_text_file", writing)
        qtbot.keyClicks(tab.editor, "1")
        first = asyncio.ensure_future(tab.save())
        await until(lambda: writing.waiting == 1)
        qtbot.keyClicks(tab.editor, "2")
        second = asyncio.ensure_future(tab.save())
        await settled()
        writing.let_all()
        assert await asyncio.gather(first, second) == [True, True]
        assert (project / "a.py").read_text() == tab.editor.text() == "12a = 1\n"
        assert not tab.document.modified

    live(scene())


def listing_of(folder: SourceFolder, path: str, above: IgnoreScope) -> Listing:
    return _list_folder(folder, path, above)


_list_folder = SourceFolder.list_folder


def seen_names(tab: CodeTab) -> list[str]:
    tree = tab.folder.tree
    return [tree.topLevelItem(row).text(0) for row in range(tree.topLevelItemCount())]


def test_a_folder_is_shown_that_is_opened_while_another_one_is_read(
    tab: CodeTab, live: Live, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "c.py").write_text("")
    reading = Late(listing_of)
    monkeypatch.setattr(SourceFolder, "list_folder", lambda *asked: reading(*asked))

    async def scene() -> None:
        first = asyncio.ensure_future(tab.folder.open_folder(project))
        await until(lambda: reading.waiting == 1)
        second = asyncio.ensure_future(tab.folder.open_folder(other))
        await settled()
        reading.let_all()
        await asyncio.gather(first, second)
        assert seen_names(tab) == ["c.py"]

    live(scene())


def test_a_folder_that_is_read_again_shows_what_is_there_then(
    tab: CodeTab, live: Live, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Late(listing_of)
    monkeypatch.setattr(SourceFolder, "list_folder", lambda *asked: reading(*asked))

    async def scene() -> None:
        first = asyncio.ensure_future(tab.folder.open_folder(project))
        await until(lambda: reading.waiting == 1)
        (project / "c.py").write_text("")
        again = asyncio.ensure_future(tab.folder.read_again())
        await settled()
        reading.let_all()
        await asyncio.gather(first, again)
        assert seen_names(tab) == ["a.py", "b.py", "c.py"]

    live(scene())


def block(name: str, text: str) -> Sequence[CodeBlock]:
    return code_blocks(f"```python {name}\n{text}\n```")


def test_of_two_sets_of_changes_that_are_asked_for_the_later_one_is_shown(
    tab: CodeTab, live: Live, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placing = Late(change_sets.with_blocks)
    monkeypatch.setattr(change_sets, "with_blocks", placing)

    async def scene() -> None:
        await tab.open_file(project / "a.py")
        await tab.open_file(project / "b.py")
        first = asyncio.ensure_future(tab.changes.propose({"a.py": block("a.py", "a = 2")}))
        await until(lambda: placing.waiting == 1)
        second = asyncio.ensure_future(tab.changes.propose({"b.py": block("b.py", "b = 2")}))
        await settled()
        placing.let_all()
        await asyncio.gather(first, second)
        assert [file.document.name for file in tab.changes.waiting] == ["b.py"]
        assert [file.card.proposing for file in tab.files.files] == [False, True]

    live(scene())


def test_the_line_where_a_run_failed_stays_marked_when_the_checker_finds_nothing(
    tab: CodeTab, live: Live, qtbot: QtBot, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking = Late(code_editor_card.check_syntax)
    monkeypatch.setattr(code_editor_card, "check_syntax", checking)

    async def scene() -> None:
        await tab.open_file(project / "a.py")
        qtbot.keyClicks(tab.editor, "b")
        await until(lambda: checking.waiting == 1)
        marked, mark = list[int](), tab.editor.show_error
        monkeypatch.setattr(tab.editor, "show_error", lambda line: (marked.append(line), mark(line)))
        tab.card.mark_failure(1)
        checking.let_all()
        await until(lambda: "valid" in tab.card.verdict.text())
        assert marked[-1] == 1

    live(scene())


def test_of_two_counts_the_later_one_is_shown(live: Live) -> None:
    asked: list[asyncio.Future[object]] = []

    async def fit(*_: object, **__: object) -> object:
        asked.append(asyncio.get_running_loop().create_future())
        return await asked[-1]

    counted: list[str] = []
    parent = QObject()
    counter = QuestionCount(
        SimpleNamespace(fit=fit),  # type: ignore[arg-type]  # stand-ins
        Bridge(lambda error: None),
        SimpleNamespace(),  # type: ignore[arg-type]
        lambda: ("why?", Excerpt("", PLAIN_TEXT, "text", 0, 0)),
        parent,
    )
    counter.counted.connect(lambda sentence, _: counted.append(sentence))

    async def scene() -> None:
        counter.count_soon()
        await until(lambda: len(asked) == 1)
        counter.count_soon()
        await until(lambda: len(asked) == 2)
        asked[1].set_exception(StillroomError("the later one"))
        await until(lambda: counted == ["the later one"])
        asked[0].set_exception(StillroomError("the earlier one"))
        await settled()
        assert counted == ["the later one"]

    live(scene())


def test_the_check_of_a_text_that_is_gone_is_ended(
    tab: CodeTab, live: Live, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "child_command", endless_command)

    async def scene() -> None:
        qtbot.keyClicks(tab.editor, "{")
        tab.editor.set_language(language_named("json") or PLAIN_TEXT)
        qtbot.keyClicks(tab.editor, "}")
        await until(lambda: bool(endless_children("syntax")), "the child")
        [before] = endless_children("syntax")
        qtbot.keyClicks(tab.editor, " ")
        await until(lambda: endless_children("syntax") not in ([], [before]), "another child")
        await until(lambda: before not in endless_children("syntax"), "the end of the first")
        tab.close_tab()()
        await until(lambda: not endless_children("syntax"), "the end of the other")

    live(scene())
