"""Documents as widgets: places in them, what is drawn of a selection, and what a screen reader hears."""

import random

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QImage, QRegion
from PySide6.QtWidgets import QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from app.chat.markdown.block_text import text_of
from app.chat.markdown.markdown_blocks import CodeBlock, TableBlock, TextBlock, parse_blocks
from app.ui.base.theme import Theme
from app.ui.base.utf16 import utf16_length
from app.ui.reply.code_card import CodeCard
from app.ui.reply.rich import rich_text
from app.ui.reply.rich.caret_steps import word_at
from app.ui.reply.rich.rich_label import RichLabel
from app.ui.reply.rich.rich_text import RichText
from app.ui.reply.rich.table_label import TableLabel
from tests.support.commonmark_spec import examples
from tests.support.hostile_markdown import hostile_replies

WAIT_MS = 60_000
STRETCHES = 200


def shown(qtbot: QtBot, theme: Theme, source: str, width: int = 300) -> RichText:
    """The one block of a text."""
    [block] = parse_blocks(source)
    widget: RichLabel | TableLabel
    if isinstance(block, TextBlock):
        widget = RichLabel(theme)
        widget.set_html(block.html, block.level)
    else:
        assert isinstance(block, TableBlock)
        widget = TableLabel(theme)
        widget.set_table(block)
    qtbot.addWidget(widget)
    qtbot.waitUntil(lambda: not theme.formulas.waiting, timeout=WAIT_MS)
    widget.show_again()
    widget.resize(width, widget.heightForWidth(width))
    return widget


def text_field(card: CodeCard) -> QPlainTextEdit:
    """The code itself."""
    found = card.findChild(QPlainTextEdit)
    assert isinstance(found, QPlainTextEdit)
    return found


def picture(widget: RichText) -> QImage:
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    widget.render(image, QPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
    return image


def test_every_text_has_as_many_characters_in_the_document_as_are_counted(qtbot: QtBot, theme: Theme) -> None:
    """Formulas that are not drawn stand there as their source."""
    sources = [example["markdown"] for example in examples()] + hostile_replies(100)
    label, table = RichLabel(theme), TableLabel(theme)
    qtbot.addWidget(label)
    qtbot.addWidget(table)
    for source in sources:
        for block in parse_blocks(source):
            widget: RichText
            if isinstance(block, TextBlock):
                label.set_html(block.html, block.level)
                widget = label
            elif isinstance(block, TableBlock):
                table.set_table(block)
                widget = table
            else:
                continue
            length = len(text_of(block))
            positions = [widget.position_of(offset) for offset in range(length + 1)]
            assert positions == sorted(set(positions)), source
            assert [widget.offset_of(position) for position in positions] == list(range(length + 1))
            if widget is label:
                assert positions[-1] == label.document.characterCount() - 1, source


@pytest.mark.parametrize(
    "source",
    [
        "Some *words* 😀 that `go` on for **more than one** line, \\(x^2\\) and on and on.",
        "| 😀 a | b |\n|---|:-:|\n| one two three four five six seven | \\(x\\) |\n| d | `e` |",
        "### A heading 标题 that is long enough to need another line for its end",
    ],
)
def test_a_place_is_found_where_its_caret_stands(qtbot: QtBot, theme: Theme, source: str) -> None:
    widget = shown(qtbot, theme, source)
    [block] = parse_blocks(source)
    for offset in range(len(text_of(block)) + 1):
        caret = widget.caret_rect(offset)
        assert widget.rect().adjusted(0, 0, 2, 2).contains(caret), offset
        found = widget.offset_at(caret.center())
        # A line's end and the next one's start are one place.
        assert widget.caret_rect(found) == caret or found == offset, offset


def test_beside_and_between_lines_the_nearest_character_is_found(qtbot: QtBot, theme: Theme) -> None:
    widget = shown(
        qtbot, theme, "Words that go on for more than one line, and then for another one, too.", 200
    )
    first, last = widget.caret_rect(8), widget.caret_rect(60)
    assert first.y() < last.y()
    for y in range(first.y() - 4, last.bottom()):
        offset = widget.offset_at(QPoint(first.x(), y))
        assert abs(widget.caret_rect(offset).x() - first.x()) < 12, y
    assert widget.offset_at(QPoint(-50, -50)) == 0
    assert widget.offset_at(QPoint(500, 500)) == 71


def test_words_are_found_as_a_user_means_them() -> None:
    text = "The snake_case isn't 1.5 (here). 😀 end"
    words = {offset: text[slice(*word_at(text, offset))] for offset in range(len(text) + 1)}
    assert [words[text.index(at)] for at in ("The", "snake", "isn't", "1.5", "(", "here", "😀", "end")] == [
        "The",
        "snake_case",
        "isn't",
        "1.5",
        "(",
        "here",
        "😀",
        "end",
    ]
    assert words[3] == "The"
    assert words[len(text)] == "end"
    assert word_at("", 0) == (0, 0)


def test_a_selected_formula_is_drawn_whole_on_its_ground(qtbot: QtBot, theme: Theme) -> None:
    """Also what reaches out of its line."""
    source = "One \\(\\frac{x+1}{y}\\) end"
    widget = shown(qtbot, theme, source)
    [block] = parse_blocks(source)
    before = picture(widget)
    everywhere = [(x, y) for x in range(before.width()) for y in range(before.height())]
    lines = [place for place in everywhere if before.pixelColor(*place).lightness() < 60]
    for start, end in ((0, len(text_of(block))), (2, 5), (4, 5), (0, 3)):
        widget.show_selected(start, end)
        selected = picture(widget)
        faint = [place for place in lines if selected.pixelColor(*place).lightness() > 90]
        assert faint == [], (start, end)
    widget.show_selected(4, 5)
    ground = [
        x for x in range(before.width()) if picture(widget).pixel(x, 12) == theme.colour("selection").rgb()
    ]
    assert abs(widget.caret_rect(4).x() - min(ground)) <= 1
    assert abs(widget.caret_rect(5).x() - max(ground)) <= 1


def test_a_selection_over_many_stretches_goes_through_each_once(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took the square of their number."""
    counted = 0

    def counting(text: str) -> int:
        nonlocal counted
        counted += 1
        return utf16_length(text)

    widget = shown(qtbot, theme, "*one* two " * STRETCHES)
    widget.show_selected(0, 1 << 30)
    monkeypatch.setattr(rich_text, "utf16_length", counting)
    picture(widget)
    assert 0 < counted <= 2 * 3 * (2 * STRETCHES + 1)


def test_a_screen_reader_hears_the_text_with_the_formulas_source(qtbot: QtBot, theme: Theme) -> None:
    for source, name in (
        ("Some **bold** and \\(x^2\\), [linked](y).", "Some bold and \\(x^2\\), linked."),
        ("| a | b |\n|---|---|\n| c | \\(d\\) |", "a, b\nc, \\(d\\)"),
    ):
        widget = shown(qtbot, theme, source)
        interface = QAccessible.queryAccessibleInterface(widget)
        assert interface.text(QAccessible.Text.Name) == name
        assert interface.role() == QAccessible.Role.StaticText


def test_a_growing_paragraph_keeps_what_is_selected_and_names_all_when_it_ends(
    qtbot: QtBot, theme: Theme
) -> None:
    label = RichLabel(theme)
    qtbot.addWidget(label)
    label.resize(400, 60)
    label.set_html("Some words")
    label.show_selected(5, 10)
    before = picture(label)
    label.set_html("Some words and more")
    ground = theme.colour("selection").rgb()

    def selected(image: QImage) -> set[tuple[int, int]]:
        return {(x, y) for x in range(image.width()) for y in range(60) if image.pixel(x, y) == ground}

    assert selected(before)
    assert selected(picture(label)) == selected(before)
    label.settle()
    assert label.accessibleName() == "Some words and more"
    assert selected(picture(label)) == selected(before)


def test_code_has_its_places_with_wide_characters(qtbot: QtBot, theme: Theme) -> None:
    code = "a = '😀😀' # 中\n\nb = 1\n" + "c" * 300
    [block] = parse_blocks(f"```py\n{code}\n```")
    assert isinstance(block, CodeBlock)
    card = CodeCard(theme)
    qtbot.addWidget(card)
    card.set_code(block.code, block.language)
    card.resize(400, card.sizeHint().height())
    card.show()
    for offset in random.Random(1).sample(range(60), 40):
        caret = card.caret_rect(min(offset, len(code)))
        assert card.offset_at(caret.center()) == offset
    card.show_selected(5, 7)
    [mark] = text_field(card).extraSelections()
    assert mark.cursor.selectedText() == "😀😀"
    assert text_field(card).horizontalScrollBar().value() == 0
    card.show_selected(24, len(code))
    card.set_code(code + "\nmore", "py")
    [mark] = text_field(card).extraSelections()
    assert mark.cursor.selectedText() == code[24:].replace("\n", "\u2029")


@pytest.mark.parametrize("width", [600, 300])
def test_the_parts_of_a_table_have_the_same_columns(qtbot: QtBot, theme: Theme, width: int) -> None:
    head = "| number | what it is | |\n|---|:-:|--:|\n"
    rows = "".join(f"| {n} | `value {n}` | {'some words of it ' * (n < 30)} |\n" for n in range(100))
    first, second, *_, last = parse_blocks(f"{head}{rows}| the last one | `x` | |\n")
    widths = []
    for block in (first, second, last):
        assert isinstance(block, TableBlock)
        widget = TableLabel(theme)
        qtbot.addWidget(widget)
        widget.set_table(block)
        for _ in range(2):
            widget.resize(width, widget.heightForWidth(width))
            widths.append(widget.column_widths())
            widget.show_again()
    assert len(widths[0]) == 3
    assert widths[0] == widths[1] == widths[2] == widths[3]
    if width == 600:
        assert widths[4][0] > widths[0][0]
        assert widths[4][1:] == widths[0][1:]
    assert all(sum(each) <= width for each in widths)
