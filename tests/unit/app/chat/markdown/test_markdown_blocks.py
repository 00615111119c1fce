import random
import re
from html import unescape
from typing import Any

import pytest
from markdown_it.token import Token

from app.chat.markdown.block_text import text_of
from app.chat.markdown.markdown_blocks import (
    BREAK,
    FORMULA_WEIGHT,
    LONGEST_PIECE_CHARACTERS,
    MOST_CHARACTERS,
    MOST_SIGNS,
    PART_CELLS,
    PIECE_WEIGHT,
    STEP_CHARACTERS,
    Block,
    CodeBlock,
    FormulaBlock,
    MarkdownStream,
    Place,
    RuleBlock,
    TableBlock,
    TextBlock,
    parse_blocks,
    shared_parser,
    signs_in,
)
from app.chat.markdown.markdown_writer import Excerpt, markdown_of

DOCUMENT = """For n ≥ 2 each term is **bounded**, so `a_n  = 1` holds.
Second line.

## A heading

1. First
2. Second, with code:

   ```bash
   make run
   ```

   and more
   - nested *a*
   - nested b
3. Third

> quoted
> > deeper

| n | value |
|---|------:|
| 1 | 1.0 |
| 2 | **1.25** |

---

```python
def f(x):
    return x  # ``` not the end

print(f(2))
```

~~~
plain ~~ text
~~~

Then \\( \\sum_{n} a_n * b_n * c \\) and

\\[
x_1 + y_1 = 2
\\]

Setext
===

* [ ] loose

* list
+ other list

The end with a [link](https://example.org "t") and ![pic](https://example.org/p.png).
"""


def texts(blocks: list[Block]) -> list[str]:
    return [block.html for block in blocks if isinstance(block, TextBlock)]


def test_blocks_of_each_kind() -> None:
    blocks = parse_blocks(DOCUMENT)
    assert blocks[0] == TextBlock(
        "For n ≥ 2 each term is <strong>bounded</strong>, "
        "so <code>a_n &nbsp;= 1</code> holds.<br>"
        "Second line."
    )
    assert blocks[1] == TextBlock("A heading", 2)
    assert blocks[2] == TextBlock("First", place=Place(1, 0, "1.", False, 1))
    assert blocks[4] == CodeBlock("make run", "bash", True, Place(1, digits=1))
    assert blocks[6] == TextBlock("nested <em>a</em>", place=Place(2, 0, "•", True, 1))
    assert TextBlock("Third", place=Place(1, 0, "3.", False, 1)) in blocks
    assert TextBlock("deeper", place=Place(0, 2, "", False)) in blocks
    assert (
        TableBlock((("n", "value"), ("1", "1.0"), ("2", "<strong>1.25</strong>")), ("left", "right"))
        in blocks
    )
    assert RuleBlock() in blocks
    assert CodeBlock("def f(x):\n    return x  # ``` not the end\n\nprint(f(2))", "python") in blocks
    assert TextBlock("Setext", 1) in blocks


def test_formulas_keep_their_source() -> None:
    joined = "".join(texts(parse_blocks(DOCUMENT)))
    assert '<span class="math">\\( \\sum_{n} a_n * b_n * c \\)</span>' in joined
    assert FormulaBlock("x_1 + y_1 = 2") in parse_blocks(DOCUMENT)
    assert texts(parse_blocks("an open \\( stays")) == ["an open ( stays"]


@pytest.mark.parametrize(
    ("source", "formulas"),
    [
        (r"so \(a*b*c\) and $$x$$", [r"\(a*b*c\)", "$$x$$"]),
        ("for $x$, $a_1$ and $f(x)=2$.", ["$x$", "$a_1$", "$f(x)=2$"]),
        ("It costs $5 and $6, or $5-$6.", []),
        ("from $HOME to $PATH", []),
        (r"**Final answer:** \boxed{\frac{1}{2}}.", [r"\boxed{\frac{1}{2}}"]),
        (r"open \boxed{\frac{1}{2}", []),
        ("`$x$` and `\\(y\\)`", []),
        (r"\$x\$", []),
    ],
)
def test_formulas_within_text(source: str, formulas: list[str]) -> None:
    joined = "".join(texts(parse_blocks(source)))
    assert [
        unescape(found) for found in re.findall(r'<span class="math[^>]*>(.*?)</span>', joined)
    ] == formulas


@pytest.mark.parametrize(
    ("source", "blocks"),
    [
        ("\\[ x \\]", [FormulaBlock("x")]),
        ("$$\nx\n= y\n$$", [FormulaBlock("x\n= y", opening="$$")]),
        ("\\[\na\n- b\n+ c\n\\]\nnext", [FormulaBlock("a\n- b\n+ c"), TextBlock("next")]),
        ("text\n\\[x\\]", [TextBlock("text"), FormulaBlock("x")]),
        ("\\[x\\].", [FormulaBlock("x.")]),
        ("\\[ \\frac{1}{2", [FormulaBlock(r"\frac{1}{2", closed=False)]),
        ("\\[ x\n\nmore", [TextBlock("[ x"), TextBlock("more")]),
    ],
)
def test_formulas_on_lines_of_their_own(source: str, blocks: list[Block]) -> None:
    assert parse_blocks(source) == blocks


def test_a_formula_within_a_list_belongs_to_its_item() -> None:
    blocks = parse_blocks("1. First:\n   \\[\n   - x\n   \\]\n2. Second")
    assert [type(block) for block in blocks] == [TextBlock, FormulaBlock, TextBlock]
    assert isinstance(blocks[1], FormulaBlock)
    assert blocks[1].latex == "- x"
    assert blocks[1].place.indent == 1


def test_hidden_characters_are_shown() -> None:
    [block] = parse_blocks("if admin\u202e\u2066 then\x07")
    assert block == TextBlock("if admin⟨U+202E⟩⟨U+2066⟩ then⟨U+0007⟩")


def test_nothing_from_the_model_is_markup_or_fetched() -> None:
    source = (
        "<img src='file:///etc/passwd'> <b>x</b> ![a](file:///etc/passwd) ![b](https://example.org/t.png) "
        '[c](javascript:alert(1)) `<script>` [d](https://example.org/"onclick=)\n\n<div>\n\n'
        "| <i> |\n|--|\n| <u> |"
    )
    for block in parse_blocks(source):
        shown = block.html if isinstance(block, TextBlock) else str(block)
        for tag in (
            "<img",
            "<b>",
            "<script",
            "<div",
            "<i>",
            "<u>",
            'href="file',
            'href="javascript',
            '"onclick',
        ):
            assert tag not in shown


@pytest.mark.parametrize("seed", range(40))
def test_a_streamed_text_gives_the_blocks_of_the_whole_text(seed: int) -> None:
    chance = random.Random(seed)
    stream = MarkdownStream()
    at = 0
    while at < len(DOCUMENT):
        step = chance.choice([1, 1, 2, 3, 5, 9, 40])
        before = list(stream.blocks)
        first = stream.append(DOCUMENT[at : at + step])
        at += step
        assert stream.blocks[:first] == before[:first]
    assert stream.blocks == parse_blocks(DOCUMENT)
    stream.finish()
    assert stream.blocks == parse_blocks(DOCUMENT)


def test_an_unclosed_code_block_is_shown_while_it_comes() -> None:
    stream = MarkdownStream()
    stream.append("Look:\n\n```py\nx = 1\ny")
    assert stream.blocks[-1] == CodeBlock("x = 1\ny", "py", closed=False)
    stream.append(" = 2\n")
    assert stream.blocks[-1] == CodeBlock("x = 1\ny = 2\n", "py", closed=False)
    stream.append("```\n")
    assert stream.blocks[-1] == CodeBlock("x = 1\ny = 2", "py", closed=True)


def test_a_later_list_item_joins_its_list() -> None:
    stream = MarkdownStream()
    for piece in ("1. a\n", "\n", "2", ". ", "b\n\n", "done"):
        stream.append(piece)
    assert stream.blocks == parse_blocks("1. a\n\n2. b\n\ndone")


@pytest.mark.parametrize(
    "text", ["[" * 60_000, "*a **b " * 9000, "`a" * 30_000, "word " * 20_000, "a" * 50_000]
)
def test_a_paragraph_longer_than_any_is_plain_text_in_pieces(text: str) -> None:
    blocks = parse_blocks(f"- {text}\n\nafter **it**")
    *pieces, last = blocks
    assert len(pieces) >= len(text) // LONGEST_PIECE_CHARACTERS
    assert isinstance(pieces[0], TextBlock)
    assert pieces[0].place.marker == "•"
    assert all(isinstance(piece, TextBlock) and piece.place.indent == 1 for piece in pieces)
    shown = "".join(piece.html for piece in pieces if isinstance(piece, TextBlock)).replace(BREAK, "")
    assert shown == text.strip()
    assert isinstance(last, TextBlock)
    assert last.html == "after <strong>it</strong>"


def test_a_table_larger_than_any_is_shown_as_its_source() -> None:
    table = "|a|b|\n|-|-|\n" + "|x|y|\n" * 3000
    (block,) = parse_blocks(table)
    assert block == CodeBlock(table.strip())


def rows_of(blocks: list[Block]) -> list[tuple[str, ...]]:
    return [row for block in blocks if isinstance(block, TableBlock) for row in block.rows]


def test_a_long_table_is_several_blocks_that_name_the_first() -> None:
    blocks = parse_blocks("- |a|b|\n  |-|-:|\n" + "".join(f"  |{n}|`y`|\n" for n in range(300)) + "\nafter")
    *parts, after = blocks
    assert isinstance(after, TextBlock)
    assert rows_of(blocks) == [("a", "b"), *((str(n), "<code>y</code>") for n in range(300))]
    first, *others = (part for part in parts if isinstance(part, TableBlock))
    assert first.first is None
    assert first.place == Place(1, 0, "•")
    assert len(others) == 602 // PART_CELLS
    for part in others:
        assert part.first == first
        assert part.aligns == ("left", "right")
        assert part.place == Place(1)
        assert len(part.rows) * 2 <= PART_CELLS


def test_a_row_of_a_long_table_changes_its_last_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the table is: the others are final, and are not parsed again."""
    parser, parsed = shared_parser(), [0]
    parse = parser.parse

    def counted(source: str, environment: dict[str, object]) -> list[Token]:
        parsed.append(len(source))
        return parse(source, environment)

    row = "| some words | `code` |\n"
    monkeypatch.setattr(parser, "parse", counted)
    stream = MarkdownStream()
    stream.append("before\n\n| a | b |\n|---|---|\n")
    for _ in range(800):
        changed = stream.append(row[:7])
        assert len(stream.blocks) - changed <= 3
        stream.append(row[7:])
    assert max(parsed) < (PART_CELLS // 2 + 4) * len(row)
    whole = parse_blocks(stream.source)
    assert stream.blocks == whole
    stream.append("\nafter\n\n- it\n")
    stream.append("- all")
    assert stream.blocks == parse_blocks(stream.source)


@pytest.mark.parametrize(
    "line",
    ["| 1 | `x` |\n", "[a]: x\n", "some **words**\n", "- item\n", "> a line\n", "- item\n\n  more of it\n"],
)
def test_a_long_block_that_comes_in_is_not_parsed_whole(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parser, parsed = shared_parser(), [0]
    parse = parser.parse

    def counted(source: str, environment: dict[str, object]) -> list[Token]:
        parsed.append(len(source))
        return parse(source, environment)

    text = "| a | b |\n|---|---|\n" * line.startswith("|") + line * (20_000 // len(line))
    stream = MarkdownStream()
    monkeypatch.setattr(parser, "parse", counted)
    for at in range(0, len(text), 250):
        stream.append(text[at : at + 250])
    assert max(parsed) <= MOST_CHARACTERS + 250
    if not line.startswith("["):
        letters = sum(sign.isalpha() for block in stream.blocks for sign in text_of(block))
        assert letters == sum(sign.isalpha() for sign in text)
    if line.startswith("- "):
        assert stream.blocks == parse_blocks(text)


@pytest.mark.parametrize("unit", ["[", "![", "[[a]", "[a](", "*[a*](b", "`a` ", "x\n"])
def test_a_paragraph_of_more_marks_than_any_is_plain_text(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser would look at them all again with every word that comes."""
    parser, signs = shared_parser(), [0]
    parse = parser.inline.parse

    def counted(text: str, *others: Any) -> list[Token]:
        signs.append(signs_in(text))
        return parse(text, *others)

    monkeypatch.setattr(parser.inline, "parse", counted)
    text = "x" + unit * (5900 // len(unit))
    stream = MarkdownStream()
    for at in range(0, len(text), 40):
        stream.append(text[at : at + 40])
    assert max(signs) <= MOST_SIGNS
    assert "".join(map(text_of, stream.blocks)).replace(BREAK, "").strip() == text.strip()
    assert stream.blocks == parse_blocks(text)


@pytest.mark.parametrize(
    "unit", ["The sum $y^2$ of *one*\nof \\( x_1 \\) is, ", "$x$$y$", "[a](b) ", "*a* b "]
)
def test_a_paragraph_of_many_marks_is_laid_out_in_pieces(unit: str) -> None:
    """Only the last of them changes as more comes in."""
    # As many as there may be in a paragraph before it turns plain.
    text = unit * min((MOST_SIGNS - 10) // signs_in(unit), 4000 // len(unit))
    stream = MarkdownStream()
    for at in range(0, len(text), 40):
        before = stream.blocks[:-1]
        stream.append(text[at : at + 40])
        assert stream.blocks[: len(before)] == before
    blocks = parse_blocks(text)
    assert stream.blocks == blocks
    formulas = [block.html.count('"math') for block in blocks if isinstance(block, TextBlock)]
    assert max(formulas) <= PIECE_WEIGHT // FORMULA_WEIGHT + 1
    assert max(block.html.count("<") for block in blocks if isinstance(block, TextBlock)) <= 2 * PIECE_WEIGHT
    assert [block.goes_on for block in blocks if isinstance(block, TextBlock)] == [
        number > 0 for number in range(len(blocks))
    ]
    assert len(blocks) > 1
    assert parse_blocks(markdown_of([Excerpt.whole(block) for block in blocks])) == blocks


def test_marks_around_more_than_a_piece_are_shown_as_they_are_written() -> None:
    blocks = parse_blocks(f"**{'$x$' * 200}**")
    assert "".join(map(text_of, blocks)).replace(BREAK, "") == f"**{'$x$' * 200}**"


def test_boxes_in_boxes_end_at_their_own_braces() -> None:
    (block,) = parse_blocks(r"so \boxed{a \boxed{b \} c}} and \boxed{d")
    assert isinstance(block, TextBlock)
    assert block.html == r'so <span class="math">\boxed{a \boxed{b \} c}}</span> and \boxed{d'


def test_definitions_that_come_in_are_final_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    parser, parsed = shared_parser(), [0]
    parse = parser.parse

    def counted(source: str, environment: dict[str, object]) -> list[Token]:
        parsed.append(len(source))
        return parse(source, environment)

    monkeypatch.setattr(parser, "parse", counted)
    stream = MarkdownStream()
    for number in range(1000):
        stream.append(f"[a{number}]: http://x.y/{number}\n")
    assert max(parsed) <= STEP_CHARACTERS + 100
    stream.append("\n[a0] and [a999]")
    assert stream.blocks == [TextBlock('<a href="http://x.y/0">a0</a> and <a href="http://x.y/999">a999</a>')]
