"""A long block of code in a conversation: a field for what is near to what is seen, and nobody sees it."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QTextBlock
from PySide6.QtWidgets import QApplication, QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.chat.markdown.text_selection import BlockPlace
from app.chat.store.records import StoredMessage
from app.code.languages import Language
from app.code.lexing import IncrementalLexer
from app.ui.base.theme import Theme
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.reply.code.code_rows import ROW_CHARACTERS
from app.ui.reply.code.code_text import INSERTED_ROWS, CodeText
from app.ui.reply.code_card import CodeCard
from app.ui.reply.code_formats import code_formats
from app.ui.reply.highlighter import CodeHighlighter
from app.ui.reply.markdown_view import MarkdownView
from tests.support.waiting import wait_until

LINES = 2500
MOST_LAID_OUT = LINES // 5
"""Where the view comes to."""
CODE = "".join(
    f"    value_{number} = compute({number})  # {'一个值' * (number % 3)}\n" for number in range(LINES)
)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    theme = Theme(qapp, "light")
    yield theme
    theme.deleteLater()


class Shown:
    """A reply with a long block of code between two paragraphs, in a window of 900 by 700."""

    def __init__(self, qtbot: QtBot, theme: Theme, code: str = CODE, language: str = "text") -> None:
        self.conversation = ConversationView(theme)
        qtbot.addWidget(self.conversation)
        self.conversation.resize(900, 700)
        self.conversation.show()
        text = f"Before.\n\n```{language}\n{code}```\n\nBehind."
        reply = StoredMessage(1, 1, None, "assistant", text, "", "m", None, "stop", "", 0.0)
        self.conversation.show_branch([reply], None, {})
        wait_until(lambda: bool(self.conversation.findChildren(CodeCard)))
        wait_until(lambda: not self.text.is_coming)
        self.scroll(0.0)

    @property
    def card(self) -> CodeCard:
        return self.conversation.findChildren(CodeCard)[0]

    @property
    def text(self) -> CodeText:
        return self.card.findChildren(CodeText)[0]

    @property
    def field(self) -> QPlainTextEdit:
        return self.text.field

    def scroll(self, share: float) -> None:
        bar = self.conversation.verticalScrollBar()
        wait_until(lambda: bar.maximum() > 0)
        bar.setValue(round(share * bar.maximum()))
        QApplication.processEvents()

    def lines_seen(self) -> list[QTextBlock]:
        """The lines between the edges of what is seen, as far as the field has them."""
        top = self.field.viewport().mapFrom(self.conversation.viewport(), QPoint(0, 0)).y()
        bottom = top + self.conversation.viewport().height()
        found = []
        block = self.field.firstVisibleBlock()
        while block.isValid():
            place = self.field.blockBoundingGeometry(block).translated(self.field.contentOffset())
            if place.top() > min(bottom, self.field.viewport().height()):
                break
            if place.bottom() >= top:
                found.append(block)
            block = block.next()
        return found

    def laid_out(self) -> set[int]:
        """The numbers of the lines."""
        block, found = self.field.document().firstBlock(), set()
        while block.isValid():
            if block.layout().lineCount() > 0:
                found.add(block.blockNumber())
            block = block.next()
        return found


def test_of_long_code_only_what_is_near_is_laid_out(qtbot: QtBot, theme: Theme) -> None:
    shown = Shown(qtbot, theme)
    # The view followed the end of code that came in turns, of which a busy computer makes more.
    before = shown.laid_out()
    assert 0 < len(before) < LINES
    assert shown.field.height() < shown.text.height() / 5
    for share in (0.5, 0.25, 0.75):
        shown.scroll(share)
        now = shown.laid_out()
        assert len(now - before) < MOST_LAID_OUT
        before = now


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.51, 0.97, 1.0])
def test_each_line_of_long_code_is_where_it_belongs(qtbot: QtBot, theme: Theme, share: float) -> None:
    shown = Shown(qtbot, theme)
    for before in (0.0, 0.7, share):
        shown.scroll(before)
    lines = shown.lines_seen()
    assert len(lines) > 20
    for block in lines:
        place = shown.field.blockBoundingGeometry(block).translated(shown.field.contentOffset())
        point = shown.field.viewport().mapTo(shown.text, place.topLeft().toPoint())
        offset = len("".join(CODE.splitlines(keepends=True)[: block.blockNumber()]))
        assert shown.text.caret_rect(offset).top() == point.y()
        assert shown.text.offset_at(QPoint(0, point.y() + 5)) == offset
    end = shown.text.caret_rect(len(CODE.rstrip("\n")))
    assert shown.text.height() - 30 < end.bottom() < shown.text.height()


def made(qtbot: QtBot, theme: Theme, code: str) -> CodeCard:
    card = CodeCard(theme)
    qtbot.addWidget(card)
    card.set_code(code, "text")
    card.resize(700, card.sizeHint().height())
    card.show()
    return card


def test_many_lines_come_into_the_field_some_in_each_turn(qtbot: QtBot, theme: Theme) -> None:
    code = "a line\nund eine größere\n" * 5000
    card = made(qtbot, theme, code)
    height, field = card.sizeHint().height(), card.findChildren(QPlainTextEdit)[0]
    counts = [0, field.blockCount()]
    field.document().blockCountChanged.connect(counts.append)
    wait_until(lambda: field.toPlainText() == code)
    assert len(counts) > 5
    assert max(after - before for before, after in pairwise(counts)) <= INSERTED_ROWS
    assert card.sizeHint().height() == height


@pytest.mark.parametrize("need", ["caret", "offset", "key"])
def test_who_needs_a_line_that_is_not_in_the_field_yet_gets_it(qtbot: QtBot, theme: Theme, need: str) -> None:
    code = "a line\n" * 10_000 + "the end"
    card = made(qtbot, theme, code)
    field, text = card.findChildren(QPlainTextEdit)[0], card.findChildren(CodeText)[0]
    bottom = text.height()
    if need == "caret":
        assert bottom - 30 < text.caret_rect(len(code)).bottom() < bottom
    elif need == "offset":
        assert text.offset_at(QPoint(600, bottom - 20)) == len(code)
    else:
        field.setFocus(Qt.FocusReason.TabFocusReason)
        qtbot.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        assert len(field.textCursor().selectedText()) == len(code)
    assert field.toPlainText() == code


def test_all_of_the_lines_that_come_are_selected(qtbot: QtBot, theme: Theme) -> None:
    code = "a line\n" * 10_000
    card = made(qtbot, theme, code)
    card.show_selected(0, len(code))
    field = card.findChildren(QPlainTextEdit)[0]
    wait_until(lambda: field.toPlainText() == code)
    [selected] = field.extraSelections()
    assert selected.cursor.selectionEnd() == len(code)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_rows_that_are_seen_come_first(qtbot: QtBot, theme: Theme, share: float) -> None:
    shown = Shown(qtbot, theme)
    card = shown.card
    card.set_code("".join(f"{number}\n" for number in range(20_000)), "text")
    wait_until(lambda: shown.conversation.verticalScrollBar().maximum() > 200_000)
    bar = shown.conversation.verticalScrollBar()
    bar.setValue(round(share * bar.maximum()))
    seen = {block.text() for block in shown.lines_seen()}
    assert shown.text.is_coming
    assert shown.field.blockCount() < 20_000
    wait_until(lambda: not shown.text.is_coming)
    assert len(seen) > 20
    assert seen == {block.text() for block in shown.lines_seen()}
    assert shown.field.blockCount() == 20_001


def test_a_long_line_goes_on_in_further_rows(qtbot: QtBot, theme: Theme) -> None:
    code = f"{'x1' * 5000}\nend"
    card = made(qtbot, theme, code)
    field, text = card.findChildren(QPlainTextEdit)[0], card.findChildren(CodeText)[0]
    assert field.blockCount() == len(code) // ROW_CHARACTERS + 1
    for offset in (0, 1, ROW_CHARACTERS - 1, ROW_CHARACTERS, 3 * ROW_CHARACTERS + 7, 10_001, len(code)):
        assert text.offset_at(text.caret_rect(offset).center()) == offset
    card.show_selected(ROW_CHARACTERS // 2, len(code))
    [mark] = field.extraSelections()
    assert mark.cursor.selectedText().replace("\u2029", "") == code[ROW_CHARACTERS // 2 :].replace("\n", "")
    card.set_code(f"{code}, and more", "text")
    assert field.toPlainText().endswith("\nend, and more")


def test_a_long_line_that_is_selected_by_keys_is_copied_as_one(qtbot: QtBot, theme: Theme) -> None:
    code = f"{'a' * (2 * ROW_CHARACTERS)}é😀\n\tb"
    [field] = made(qtbot, theme, code).findChildren(QPlainTextEdit)
    field.setFocus()
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(field, Qt.Key.Key_Home, control)
    qtbot.keyClick(field, Qt.Key.Key_End, control | Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(field, Qt.Key.Key_C, control)
    assert QGuiApplication.clipboard().text() == code


def test_code_of_rare_letters_comes_in_turns_and_is_as_high_as_it_is_drawn(
    qtbot: QtBot, theme: Theme
) -> None:
    letters = [chr(code) for code in (*range(0xAE, 0x400), *range(0x3041, 0x3100), *range(0x20000, 0x20100))]
    shown = Shown(qtbot, theme)
    shown.card.set_code("".join(f"{letter} of it\n" for letter in letters), "text")
    assert shown.text.is_coming
    wait_until(lambda: not shown.text.is_coming)
    shown.scroll(0.5)
    lines = shown.lines_seen()
    assert len(lines) > 20
    for block in lines:
        place = shown.field.blockBoundingGeometry(block).translated(shown.field.contentOffset())
        point = shown.field.viewport().mapTo(shown.text, place.topLeft().toPoint())
        assert shown.text.caret_rect(len("? of it\n") * block.blockNumber()).top() == point.y()


def test_code_that_is_replaced_as_it_comes_leaves_nothing(qtbot: QtBot, theme: Theme) -> None:
    card = made(qtbot, theme, "a line\n" * 10_000)
    field = card.findChildren(QPlainTextEdit)[0]
    card.set_code("another\n" * 5000, "text")
    card.set_code("another\n" * 5000 + "and more", "text")
    assert field.toPlainText() == "another\n" * 5000 + "and more"
    card.set_code("a line\n" * 10_000, "text")
    card.set_code("short", "text")
    QApplication.processEvents()
    assert field.toPlainText() == "short"


def test_the_end_of_code_that_comes_is_where_it_belongs(qtbot: QtBot, theme: Theme) -> None:
    code = "".join(f"{number} é\n" for number in range(10_000))
    shown = Shown(qtbot, theme, code)
    shown.scroll(1.0)
    wait_until(lambda: shown.field.blockCount() == 10_000)
    QApplication.processEvents()
    assert shown.lines_seen()[-1].text() == "9999 é"


def test_a_cursor_out_of_sight_moves_nothing(qtbot: QtBot, theme: Theme) -> None:
    shown = Shown(qtbot, theme)
    shown.scroll(0.5)
    before = [block.blockNumber() for block in shown.lines_seen()]
    shown.field.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(shown.field, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(shown.field, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert [block.blockNumber() for block in shown.lines_seen()] == before
    view = shown.conversation.findChildren(MarkdownView)[0]
    assert view.caret_at(BlockPlace(1, 0)).y() < 100
    assert shown.conversation.selection.within(shown.conversation.text_keys()[0])


def test_code_that_grows_beyond_the_limit_is_shown_as_one_that_came_whole(qtbot: QtBot, theme: Theme) -> None:
    card = CodeCard(theme)
    qtbot.addWidget(card)
    lines = CODE.splitlines(keepends=True)
    for end in range(0, LINES, 50):
        card.set_code("".join(lines[:end]), "text")
    card.set_code(CODE, "text")
    whole = CodeCard(theme)
    qtbot.addWidget(whole)
    whole.set_code(CODE, "text")
    for each in (card, whole):
        each.resize(700, each.sizeHint().height())
        each.show()
    wait_until(lambda: not whole.findChildren(CodeText)[0].is_coming)
    assert card.sizeHint() == whole.sizeHint()
    for offset in (0, 1000, len(CODE) // 2, len(CODE)):
        assert card.caret_rect(offset) == whole.caret_rect(offset)


def test_a_wide_line_far_away_counts_for_the_bar(qtbot: QtBot, theme: Theme) -> None:
    wide = CODE + f"wide = '{'x' * 300}'\n"
    shown = Shown(qtbot, theme, wide)
    most = shown.field.horizontalScrollBar().maximum()
    assert most > 0
    height = shown.text.height()
    shown.scroll(1.0)
    assert (shown.field.horizontalScrollBar().maximum(), shown.text.height()) == (most, height)


@pytest.mark.parametrize(
    "line", ["a", "", "国", "x = 国", "é", "\t😀 smile", "привет", "a → b ≤ c", "ع", "「」"]
)
def test_lines_are_as_high_as_they_are_drawn(qtbot: QtBot, theme: Theme, line: str) -> None:
    card = CodeCard(theme)
    qtbot.addWidget(card)
    card.set_code(f"{line}\n" * 30 + "end", "text")
    card.resize(700, card.sizeHint().height())
    card.show()
    field = card.findChildren(QPlainTextEdit)[0]
    last = field.blockBoundingGeometry(field.document().lastBlock()).translated(field.contentOffset())
    assert last.bottom() == field.viewport().height()


def test_colours_reach_long_code_far_away(qtbot: QtBot, theme: Theme) -> None:
    shown = Shown(qtbot, theme, "x = 'text'  # note\n" * LINES, "python")
    before = shown.laid_out()
    last = shown.field.document().findBlockByNumber(LINES - 1)
    wait_until(lambda: bool(last.layout().formats()))
    assert len(shown.laid_out() - before) < MOST_LAID_OUT


def test_the_first_code_in_a_language_gets_its_colours_in_a_later_turn(qtbot: QtBot, theme: Theme) -> None:
    # One that no other test has used.
    language = Language("ada", "Ada", ())

    def shown() -> QPlainTextEdit:
        field = QPlainTextEdit()
        qtbot.addWidget(field)
        CodeHighlighter(field, code_formats(theme)).set_language(language)
        field.setPlainText('"a text"')
        return field

    def coloured(field: QPlainTextEdit) -> bool:
        return bool(field.document().firstBlock().layout().formats())

    assert not IncrementalLexer(language, [""]).is_ready
    first = shown()
    assert not coloured(first)
    wait_until(lambda: coloured(first))
    # The next one need not wait.
    assert coloured(shown())


def test_long_code_is_copied_by_another_thread(qtbot: QtBot, theme: Theme) -> None:
    shown = Shown(qtbot, theme)
    QGuiApplication.clipboard().clear()
    shown.conversation.select_conversation()
    shown.conversation.copy_selection()
    assert not QGuiApplication.clipboard().text()
    wait_until(lambda: CODE in QGuiApplication.clipboard().text())
