"""A long text that comes in, goes on or ends is read in steps: none has much of it."""

from collections.abc import Callable

import pytest
from markdown_it.token import Token
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from app.chat.markdown.block_text import text_of
from app.chat.markdown.markdown_blocks import (
    PART_CELLS,
    STEP_CHARACTERS,
    TableBlock,
    forget_kept,
    parse_blocks,
    shared_parser,
)
from app.ui.base.theme import Theme
from app.ui.reply.markdown_view import READ_CHARACTERS, MarkdownView
from app.ui.reply.rich.table_label import TableLabel
from app.ui.reply.thinking_line import ThinkingLine
from tests.support.waiting import wait_until

LISTS = "- one\n  - two\n" + "    - three, with some words\n" * 5
TEXT = "".join(f"## Part {number}\n\n{LISTS}\nA paragraph.\n\n" for number in range(60))


@pytest.fixture
def lengths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The texts that are parsed at once from now on."""
    forget_kept()
    found: list[int] = [0]
    parser = shared_parser()
    parse = parser.parse

    def counted(source: str, environment: dict[str, object]) -> list[Token]:
        found.append(len(source))
        return parse(source, environment)

    monkeypatch.setattr(parser, "parse", counted)
    return found


def made(qtbot: QtBot, make: Callable[[], MarkdownView]) -> MarkdownView:
    view = make()
    qtbot.addWidget(view)
    return view


def test_a_long_reply_goes_on_in_steps_and_keeps_its_widgets(
    qtbot: QtBot, theme: Theme, lengths: list[int]
) -> None:
    view = made(qtbot, lambda: MarkdownView(theme))
    view.set_text(TEXT)
    contents = [frame.content for frame in view.frames]
    lengths.clear()
    view.go_on(TEXT)
    view.append("And **more")
    assert view.blocks == parse_blocks(TEXT)
    wait_until(lambda: not view.is_reading)
    assert "And" in text_of(view.blocks[-1])
    view.append("** of it.")
    assert max(lengths) <= STEP_CHARACTERS + READ_CHARACTERS
    assert [frame.content for frame in view.frames][: len(contents)] == contents
    whole = parse_blocks(f"{TEXT}And **more** of it.")
    assert view.blocks == whole
    view.finish()
    wait_until(lambda: not view.is_reading)
    assert view.blocks == whole


def test_a_long_reply_may_end_before_it_is_read_again(qtbot: QtBot, theme: Theme, lengths: list[int]) -> None:
    view = made(qtbot, lambda: MarkdownView(theme))
    view.set_text(TEXT)
    view.go_on(TEXT)
    QCoreApplication.processEvents()
    view.append("And more.")
    view.finish()
    wait_until(lambda: not view.is_reading)
    assert view.blocks == parse_blocks(f"{TEXT}And more.")
    view.go_on(TEXT)
    view.set_text("Another one.")
    QCoreApplication.processEvents()
    assert len(view.blocks) == 1


def test_much_that_comes_at_once_is_read_in_steps(qtbot: QtBot, theme: Theme, lengths: list[int]) -> None:
    view = made(qtbot, lambda: MarkdownView(theme))
    view.append(TEXT[:9000])
    view.append(TEXT[9000:])
    assert max(lengths) == 0
    wait_until(lambda: not view.is_reading)
    assert max(lengths) <= STEP_CHARACTERS + READ_CHARACTERS
    assert view.blocks == parse_blocks(TEXT)


def test_long_thinking_is_unfolded_in_steps(qtbot: QtBot, theme: Theme, lengths: list[int]) -> None:
    thinking = ThinkingLine(theme)
    qtbot.addWidget(thinking)
    thinking.set_text(TEXT)
    thinking.set_open(True)
    assert thinking.view is not None
    view = thinking.view
    wait_until(lambda: not view.is_reading)
    assert max(lengths) <= STEP_CHARACTERS + READ_CHARACTERS
    assert view.blocks == parse_blocks(TEXT)


def test_a_row_that_comes_is_laid_out_with_the_last_part_of_its_table(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out: list[int] = []
    set_table = TableLabel.set_table

    def counted(label: TableLabel, table: TableBlock) -> None:
        laid_out.append(len(table.rows) * len(table.aligns))
        set_table(label, table)

    view = made(qtbot, lambda: MarkdownView(theme))
    view.resize(600, 400)
    view.append("| a | b | c |\n|---|---|---|\n")
    monkeypatch.setattr(TableLabel, "set_table", counted)
    for number in range(150):
        laid_out.clear()
        view.append(f"| {number} | `x` | some words |\n")
        assert sum(laid_out) <= PART_CELLS
    view.finish()
    tables = [block for block in view.blocks if isinstance(block, TableBlock)]
    assert sum(len(table.rows) for table in tables) == 151
