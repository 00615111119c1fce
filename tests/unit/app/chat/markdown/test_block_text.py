"""The characters of blocks that a selection counts."""

import pytest

from app.chat.markdown.block_text import (
    OBJECT,
    PART_CHARACTERS,
    PART_LINES,
    Mark,
    PlainText,
    Run,
    cell_spans,
    cut,
    paragraph_at,
    plain_parts,
    runs_of,
    text_of,
    without_breaks,
)
from app.chat.markdown.markdown_blocks import (
    BREAK,
    CodeBlock,
    FormulaBlock,
    RuleBlock,
    TableBlock,
    TextBlock,
    parse_blocks,
)


def runs(markdown: str) -> tuple[Run, ...]:
    [block] = parse_blocks(markdown)
    assert isinstance(block, TextBlock)
    return runs_of(block.html)


def test_runs_have_their_text_marks_and_formulas() -> None:
    assert runs("a **b *c*** [d](e?f&g) \\(x<y\\)\n`h  i`") == (
        Run("a "),
        Run("b ", (Mark("strong", 1),)),
        Run("c", (Mark("strong", 1), Mark("em", 3))),
        Run(" "),
        Run("d", (Mark("a", 8, "e?f&g"),)),
        Run(" "),
        Run("\\(x<y\\)", (), is_formula=True),
        Run("\n"),
        Run("h \xa0i", (Mark("code", 16),)),
    )


def test_white_space_is_closed_up_as_it_is_shown() -> None:
    assert runs_of(" a  b<em> c</em> <br>  d\te\u3000f\xa0 g") == (
        Run("a b"),
        Run(" c", (Mark("em", 1),)),
        Run(" "),
        Run("\n"),
        Run("d e\u3000f\xa0 g"),
    )


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (TextBlock("a &lt;b&gt;<br>c"), "a <b>\nc"),
        (TextBlock('x <span class="math">\\(y\\)</span>.'), f"x {OBJECT}."),
        (CodeBlock("a\n\u202eb"), "a\n⟨U+202E⟩b"),
        (PlainText("a\r\nb\rc"), "a\nb\nc"),
        (PlainText("x" * 50), "x" * 48 + BREAK + "xx"),
        (FormulaBlock("x"), OBJECT),
        (RuleBlock(), OBJECT),
        (TableBlock((("a", "b<code>c</code>"), ("d",)), ("left", "left")), "a\nbc\nd\n"),
    ],
)
def test_each_kind_of_block_has_its_characters(block: TextBlock, text: str) -> None:
    assert text_of(block) == text


def test_a_cut_has_the_runs_between_two_offsets() -> None:
    given = runs("ab**cd**\\(x\\)ef")
    strong = (Mark("strong", 1),)
    assert cut(given, 1, 3) == [Run("b"), Run("c", strong)]
    assert cut(given, 4, 6) == [Run("\\(x\\)", (), is_formula=True), Run("e")]
    assert cut(given, 4, 4) == []
    assert cut(given, 0, 99) == list(given)


def test_cells_and_paragraphs_have_their_ends() -> None:
    table = TableBlock((("a", "bc"), ("", "d")), ("left", "right"))
    assert cell_spans(table) == [(0, 1), (2, 4), (5, 5), (6, 7)]
    assert [paragraph_at(table, offset) for offset in (0, 3, 5, 7)] == cell_spans(table)
    assert paragraph_at(TextBlock("a<br>b"), 0) == (0, 3)
    assert paragraph_at(CodeBlock("ab\ncd\n"), 4) == (3, 5)
    assert paragraph_at(CodeBlock("ab\ncd\n"), 6) == (6, 6)


def test_breaks_of_long_words_are_taken_out_and_other_ones_stay() -> None:
    long = "x" * 200
    assert without_breaks(text_of(PlainText(f"{long} a{BREAK}b"))) == f"{long} a{BREAK}b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Why?",
        "a line\n" * 3000,
        "\n" * 1000,
        "words " * 5000,
        "x" * 20_000,
        "e\u0301" * 10_000,
        f"short\n{'long ' * 3000}\n\nshort\n",
        "\U0001f600 " * 9000,
    ],
)
def test_a_long_text_is_parts_of_it(text: str) -> None:
    parts = plain_parts(text)
    assert "".join((part.joint or "") + part.text for part in parts) == text
    assert parts[0].joint is None
    assert all(part.joint is not None for part in parts[1:])
    assert all(len(part.text) <= PART_CHARACTERS + PART_LINES for part in parts)
    assert all(part.text.count("\n") < PART_LINES for part in parts)
    assert len(parts) <= 1 + len(text) // (PART_CHARACTERS // 2) + text.count("\n") // (PART_LINES // 2)
    assert not any(part.text.startswith("\u0301") for part in parts)


def test_parts_end_with_a_line_or_a_word() -> None:
    lines = plain_parts("a line\r\n" * 3000)
    assert {part.joint for part in lines[1:]} == {"\n"}
    words = plain_parts("words " * 5000)
    assert {part.joint for part in words[1:]} == {""}
    assert all(part.text.endswith("words ") for part in words[:-1])
