import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from app.code.languages import PLAIN_TEXT, language_of_file
from app.ui.base.colours import DARK, LIGHT
from app.ui.base.theme import Theme
from app.ui.code.editor.brackets import bracket_pair
from app.ui.code.editor.code_editor import CodeEditor
from app.ui.code.editor.find_bar import FindBar
from tests.support.waiting import wait_until

PYTHON = language_of_file("a.py")
KEYWORD, STRING, COMMENT = (
    colour.lower() for colour in (LIGHT.code_keyword, LIGHT.code_string, LIGHT.code_comment)
)


@pytest.fixture(scope="module")
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp, "light")


@pytest.fixture
def editor(qtbot: QtBot, theme: Theme) -> CodeEditor:
    editor = CodeEditor(theme)
    qtbot.addWidget(editor)
    editor.resize(600, 400)
    editor.show()
    editor.setFocus()
    return editor


def coloured(editor: CodeEditor, line: int) -> list[tuple[int, int, str]]:
    formats = editor.document().findBlockByNumber(line).layout().formats()
    return [(span.start, span.length, span.format.foreground().color().name()) for span in formats]


def settle(qtbot: QtBot, editor: CodeEditor) -> None:
    wait_until(lambda: not editor.colouring)


def put_cursor(editor: CodeEditor, position: int, anchor: int | None = None) -> None:
    cursor = editor.textCursor()
    cursor.setPosition(position if anchor is None else anchor)
    cursor.setPosition(position, QTextCursor.MoveMode.KeepAnchor)
    editor.setTextCursor(cursor)


def test_code_gets_its_colours(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("return 'a' # b\n", PYTHON)
    settle(qtbot, editor)

    assert coloured(editor, 0) == [(0, 6, KEYWORD), (7, 3, STRING), (11, 3, COMMENT)]


def test_typing_colours_its_line_at_once_and_others_follow(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("x = 1\nreturn\n", PYTHON)
    settle(qtbot, editor)
    put_cursor(editor, 5)

    editor.insertPlainText("; return")
    assert (7, 6, KEYWORD) in coloured(editor, 0)

    put_cursor(editor, 0)
    editor.insertPlainText("'''")
    settle(qtbot, editor)
    assert coloured(editor, 1) == [(0, 6, STRING)]


def test_colours_follow_lines_that_are_added_and_removed(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("".join(f"x{n} = {n}\n" for n in range(50)) + "return x", PYTHON)
    settle(qtbot, editor)

    put_cursor(editor, 0)
    editor.insertPlainText("import a\nimport b\n")
    editor.undo()
    put_cursor(editor, editor.document().findBlockByNumber(40).position(), 0)
    editor.textCursor().removeSelectedText()
    settle(qtbot, editor)

    assert editor.text().endswith("x49 = 49\nreturn x")
    assert coloured(editor, editor.blockCount() - 1) == [(0, 6, KEYWORD)]


def test_emoji_before_code_do_not_shift_colours(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("'😀😀'; return", PYTHON)
    settle(qtbot, editor)

    assert coloured(editor, 0) == [(0, 6, STRING), (8, 6, KEYWORD)]
    put_cursor(editor, 14, 8)
    start, end = editor.selected_range()
    assert editor.text()[start:end] == "return"
    assert editor.cursor_for(start, end).selectedText() == "return"


def test_a_theme_change_recolours(qtbot: QtBot, theme: Theme, editor: CodeEditor) -> None:
    editor.load_text("return", PYTHON)
    settle(qtbot, editor)

    theme.choose("dark")
    settle(qtbot, editor)
    dark = coloured(editor, 0)
    theme.choose("light")

    assert dark == [(0, 6, DARK.code_keyword.lower())]


def test_colours_are_no_edits(qtbot: QtBot, editor: CodeEditor) -> None:
    with qtbot.assertNotEmitted(editor.edited):
        editor.load_text("return\n" * 200, PYTHON)
        settle(qtbot, editor)
        editor.set_language(PLAIN_TEXT)
        settle(qtbot, editor)
    assert not editor.document().isUndoAvailable()

    with qtbot.waitSignal(editor.edited):
        qtbot.keyClicks(editor, "x")


def test_a_large_file_is_coloured_between_events(qtbot: QtBot, editor: CodeEditor) -> None:
    lines = ["def f(x): return 'text'  # comment"] * 6_000

    editor.load_text("\n".join(lines), PYTHON)

    assert editor.colouring
    wait_until(lambda: not editor.colouring)
    assert (0, 3, KEYWORD) in coloured(editor, len(lines) - 1)


@pytest.mark.parametrize("text", ["", "a\n", "a\xa0b\n\n", "a\u2028b", "中文😀\n", "\ttab  \n"])
def test_text_goes_through_the_editor_unchanged(editor: CodeEditor, text: str) -> None:
    editor.load_text(text, PYTHON)

    assert editor.text() == text


def test_enter_indents(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("", PYTHON)

    for line in ("def f(x):", "if x:", "return 1", "x"):
        qtbot.keyClicks(editor, line)
        qtbot.keyClick(editor, Qt.Key.Key_Return)

    assert editor.text() == "def f(x):\n    if x:\n        return 1\n    x\n    "


def test_shift_enter_is_a_line_end_and_no_line_separator(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("ab", PYTHON)
    put_cursor(editor, 1)

    qtbot.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)

    assert editor.text() == "a\nb"


def test_enter_between_brackets_opens_them(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("f()", PYTHON)
    put_cursor(editor, 2)

    qtbot.keyClick(editor, Qt.Key.Key_Return)

    assert editor.text() == "f(\n    \n)"
    assert editor.textCursor().position() == 7
    editor.undo()
    assert editor.text() == "f()"


def test_tab_and_backspace_move_by_levels(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("if x:\n    y\n", PYTHON)
    put_cursor(editor, len("if x:\n    y\n"))

    qtbot.keyClick(editor, Qt.Key.Key_Tab)
    qtbot.keyClick(editor, Qt.Key.Key_Tab)
    qtbot.keyClick(editor, Qt.Key.Key_Backspace)

    assert editor.text() == "if x:\n    y\n    "


def test_selected_lines_move_in_and_out_as_one_step(qtbot: QtBot, editor: CodeEditor) -> None:
    text = "a\n\nb\nc"
    editor.load_text(text, PYTHON)
    put_cursor(editor, 5, 0)

    qtbot.keyClick(editor, Qt.Key.Key_Tab)
    assert editor.text() == "    a\n\n    b\nc"
    assert editor.textCursor().hasSelection()
    qtbot.keyClick(editor, Qt.Key.Key_Backtab)
    assert editor.text() == text
    editor.undo()
    editor.undo()
    assert editor.text() == text


def test_comments_toggle_with_the_keyboard(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("if x:\n    y", PYTHON)
    editor.selectAll()

    qtbot.keyClick(editor, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
    assert editor.text() == "# if x:\n#     y"
    qtbot.keyClick(editor, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
    assert editor.text() == "if x:\n    y"


def test_brackets_match_but_not_in_strings(qtbot: QtBot, editor: CodeEditor) -> None:
    editor.load_text("f(')', [\n1])", PYTHON)
    settle(qtbot, editor)

    put_cursor(editor, 2)
    assert bracket_pair(editor.textCursor()) == (1, 11)
    put_cursor(editor, 12)
    assert bracket_pair(editor.textCursor()) == (11, 1)
    put_cursor(editor, 4)
    assert bracket_pair(editor.textCursor()) is None
    editor.load_text("(", PYTHON)
    assert bracket_pair(editor.textCursor()) == (0, None)


def test_another_text_comes_as_one_step_that_touches_what_differs(editor: CodeEditor) -> None:
    editor.load_text("a = 'é😀'\nb = 2\nc = 3\n", PYTHON)
    put_cursor(editor, editor.document().characterCount() - 1)

    editor.change_text("a = 'é😀'\nb = 20\nb = 21\nc = 3\n")
    assert editor.text() == "a = 'é😀'\nb = 20\nb = 21\nc = 3\n"
    editor.undo()
    assert editor.text() == "a = 'é😀'\nb = 2\nc = 3\n"


def test_the_text_has_the_size_of_the_window(editor: CodeEditor, theme: Theme) -> None:
    normal = editor.fontMetrics().horizontalAdvance("x" * 100)
    theme.choose("light", 150)
    assert editor.fontMetrics().horizontalAdvance("x" * 100) == pytest.approx(1.5 * normal, rel=0.03)
    theme.choose("light")
    assert editor.fontMetrics().horizontalAdvance("x" * 100) == normal


@pytest.fixture
def bar(qtbot: QtBot, editor: CodeEditor, theme: Theme) -> FindBar:
    bar = FindBar(editor, theme)
    qtbot.addWidget(bar)
    editor.load_text("one two\nTwo twofold\ntwo", PYTHON)
    put_cursor(editor, 0)
    bar.open_replace()
    return bar


def field(bar: FindBar, index: int, text: str) -> None:

    bar.findChildren(QLineEdit)[index].setText(text)


def test_find_goes_round(bar: FindBar, editor: CodeEditor) -> None:
    field(bar, 0, "two")

    places = []
    for _ in range(5):
        places.append(editor.textCursor().selectionStart())
        bar.find_next()

    assert places == [4, 8, 12, 20, 4]
    bar.find_previous()
    assert editor.textCursor().selectionStart() == 4
    bar.find_previous()
    assert editor.textCursor().selectionStart() == 20


def test_tab_goes_from_what_is_found_to_what_it_becomes(bar: FindBar, editor: CodeEditor) -> None:
    editor.load_text("sleep(60)\n", PYTHON)
    find = next(each for each in bar.findChildren(QLineEdit) if each.accessibleName() == "Find")
    find.setFocus()
    QTest.keyClicks(find, "60")
    QTest.keyClick(find, Qt.Key.Key_Tab)
    replacement = bar.window().focusWidget()
    assert replacement is not None
    assert replacement.accessibleName() == "Replace with"
    QTest.keyClicks(replacement, "30")
    QTest.keyClick(replacement, Qt.Key.Key_Return)
    assert editor.text() == "sleep(30)\n"


def test_replace_all_is_one_undo_step(bar: FindBar, editor: CodeEditor) -> None:
    field(bar, 0, "two")
    field(bar, 1, "2")

    bar.replace()
    assert editor.text() == "one 2\nTwo twofold\ntwo"
    bar.replace_all()
    assert editor.text() == "one 2\n2 2fold\n2"
    editor.undo()
    assert editor.text() == "one 2\nTwo twofold\ntwo"


def test_replace_all_has_no_limit(bar: FindBar, editor: CodeEditor) -> None:
    editor.load_text("a\n" * 3000, PYTHON)
    field(bar, 0, "a")
    field(bar, 1, "b")

    bar.replace_all()

    assert "a" not in editor.text()


def test_an_expression_that_matches_nothing_or_is_broken_finds_nothing(
    qtbot: QtBot, bar: FindBar, editor: CodeEditor
) -> None:
    qtbot.keyClick(bar, Qt.Key.Key_R, Qt.KeyboardModifier.AltModifier)
    for wanted in ("x*", "(", "^"):
        field(bar, 0, wanted)
        bar.find_next()
    field(bar, 0, r"(t)wo$")
    field(bar, 1, r"\1WO")
    bar.replace_all()

    assert editor.text() == "one tWO\nTwo twofold\ntWO"
