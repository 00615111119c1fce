import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.code.draft import DraftFile
from app.code.languages import language_of_file
from app.code.text_file import ChangedOnDiskError, TextFileError
from app.ui.base.theme import Theme
from app.ui.code.editor.code_document import CodeDocument
from app.ui.code.editor.code_editor import CodeEditor
from tests.support.waiting import wait_until

Opener = Callable[[], tuple[CodeEditor, CodeDocument]]


@pytest.fixture(scope="module")
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "light")


@pytest.fixture
def start(qtbot: QtBot, theme: Theme, tmp_path: Path) -> Iterator[Opener]:
    """Starts the editor as a fresh run of the program would, with the draft of the run before."""
    opened: list[CodeDocument] = []

    def start_one() -> tuple[CodeEditor, CodeDocument]:
        editor = CodeEditor(theme)
        qtbot.addWidget(editor)
        document = CodeDocument(editor, DraftFile(tmp_path / "draft" / "code.json"))
        opened.append(document)
        assert editor.isReadOnly()
        asyncio.run(document.restore())
        return editor, document

    yield start_one
    for document in opened:
        document.close()()


def draft_written(tmp_path: Path, part: str) -> bool:
    draft = tmp_path / "draft" / "code.json"
    return draft.exists() and part in draft.read_text()


def test_a_file_is_opened_edited_and_saved(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x = 1\r\n")
    editor, document = start()

    asyncio.run(document.open(path))
    assert (document.name, editor.language.key, document.modified) == ("a.py", "python", False)
    qtbot.keyClicks(editor, "y")
    assert document.modified
    asyncio.run(document.save())

    assert path.read_bytes() == b"yx = 1\r\n"
    assert not document.modified
    editor.undo()
    assert document.modified


def test_undo_back_to_the_saved_text_is_not_modified(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x")
    editor, document = start()
    asyncio.run(document.open(path))

    qtbot.keyClicks(editor, "y")
    editor.undo()

    assert not document.modified


def test_text_without_a_file_gets_a_name_and_a_language(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    editor, document = start()
    qtbot.keyClicks(editor, "fn")

    asyncio.run(document.save(tmp_path / "main.rs"))

    assert (tmp_path / "main.rs").read_text() == "fn"
    assert (document.name, editor.language.key) == ("main.rs", "rust")


def test_another_programs_change_is_not_overwritten(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("mine")
    editor, document = start()
    asyncio.run(document.open(path))
    path.write_text("theirs")
    qtbot.keyClicks(editor, "x")

    with pytest.raises(ChangedOnDiskError):
        asyncio.run(document.save())
    assert path.read_text() == "theirs"
    assert document.modified

    asyncio.run(document.save(overwrite=True))
    assert path.read_text() == "xmine"


def test_save_as_does_not_replace_a_file_unasked(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("theirs")
    editor, document = start()
    qtbot.keyClicks(editor, "x")

    with pytest.raises(ChangedOnDiskError):
        asyncio.run(document.save(tmp_path / "b.py"))
    assert document.path is None


def test_unsaved_text_survives_a_restart(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    editor, document = start()
    asyncio.run(document.open(path))
    qtbot.keyClicks(editor, "# new ")
    document.close()()

    again, restored = start()

    assert again.text() == "# new x = 1\n"
    assert (restored.path, restored.modified, again.language.key) == (path.resolve(), True, "python")
    assert again.textCursor().position() == 6
    assert path.read_text() == "x = 1\n"
    asyncio.run(restored.save())
    assert path.read_text() == "# new x = 1\n"


def test_a_crash_loses_nothing_but_the_last_second(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    editor, _ = start()

    qtbot.keyClicks(editor, "precious")
    wait_until(lambda: draft_written(tmp_path, "precious"))

    again, restored = start()  # the first run is not closed, as after a crash
    assert again.text() == "precious"
    assert restored.modified


def test_a_restored_text_notices_what_changed_meanwhile(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x")
    editor, document = start()
    asyncio.run(document.open(path))
    qtbot.keyClicks(editor, "y")
    document.close()()
    path.write_text("theirs")

    _, restored = start()

    with pytest.raises(ChangedOnDiskError):
        asyncio.run(restored.save())


def test_the_open_file_is_open_again_after_a_restart(start: Opener, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("x")
    _, document = start()
    asyncio.run(document.open(path))
    document.close()()
    path.write_text("newer")

    editor, restored = start()

    assert (editor.text(), restored.modified, restored.name) == ("newer", False, "a.py")


def test_text_the_editor_would_change_is_for_reading_only(
    qtbot: QtBot, start: Opener, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a\u2029b", encoding="utf-8")
    editor, document = start()

    with qtbot.waitSignal(document.noticed):
        asyncio.run(document.open(path))

    assert editor.isReadOnly()
    assert path.read_text(encoding="utf-8") == "a\u2029b"


def test_mixed_line_ends_are_said(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\r\nb\nc\r\n")
    _, document = start()

    with qtbot.waitSignal(document.noticed) as told:
        asyncio.run(document.open(path))

    assert "CRLF" in told.args[0]


def test_a_file_that_is_no_text_leaves_the_editor_alone(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"\0\1")
    editor, document = start()
    qtbot.keyClicks(editor, "mine")

    with pytest.raises(TextFileError):
        asyncio.run(document.open(path))

    assert editor.text() == "mine"
    assert document.path is None


def test_a_draft_that_cannot_be_written_is_said(qtbot: QtBot, start: Opener, tmp_path: Path) -> None:
    editor, document = start()
    (tmp_path / "draft").write_text("a file where the folder should be")

    with qtbot.waitSignal(document.noticed):
        qtbot.keyClicks(editor, "x")


def test_code_from_elsewhere_is_unsaved_text(start: Opener) -> None:
    editor, document = start()

    document.take("x = 1", language_of_file("a.py"))

    assert (editor.text(), document.modified, document.path) == ("x = 1", True, None)
