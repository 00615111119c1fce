"""Blocks as Markdown again: what is read from it is what was there."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.chat.documents.hidden_characters import with_hidden_shown
from app.chat.markdown.block_text import PlainText, plain_parts, runs_of, text_of
from app.chat.markdown.markdown_blocks import (
    PART_CELLS,
    Block,
    CodeBlock,
    FormulaBlock,
    TextBlock,
    parse_blocks,
)
from app.chat.markdown.markdown_writer import Excerpt, html_of, inner_markdown, markdown_of
from tests.support.commonmark_spec import examples
from tests.support.hostile_markdown import hostile_replies

NOT_SEEN = {
    25: "a no-break space at the start, which a paragraph loses",
    138: "a space in code at the start of a line, which is not shown",
    298: "an item that begins with a list, which is shown as two items",
    299: "the same",
    483: "a link without words",
    486: "the same",
}


def whole(source: str) -> list[Excerpt]:
    return [Excerpt.whole(block) for block in parse_blocks(source)]


def shown(blocks: list[Block]) -> list[object]:
    """Give what a reader sees of blocks: not that a list is tight, or a fence at its end."""
    seen: list[object] = []
    for block in blocks:
        place = replace(block.place, tight=False)
        match block:
            case TextBlock():
                letters = [
                    (letter.replace("\u3000", " "), {(mark.tag, mark.href) for mark in run.marks})
                    for run in runs_of(block.html)
                    for letter in run.text
                ]
                seen.append((letters, block.level, place))
            case CodeBlock():
                seen.append((text_of(block), with_hidden_shown(block.language), place))
            case FormulaBlock():
                seen.append((block.latex, block.opening, place))
            case _:
                seen.append(replace(block, place=place))
    return seen


def assert_same(source: str) -> None:
    written = markdown_of(whole(source))
    assert shown(parse_blocks(written)) == shown(parse_blocks(source)), (source, written)


def test_the_specifications_examples_are_written_as_what_they_are() -> None:
    for example in examples():
        if example["example"] not in NOT_SEEN:
            assert_same(example["markdown"])


def test_hostile_replies_are_written_as_what_they_are() -> None:
    tried = 0
    for reply in hostile_replies(400):
        if not any(isinstance(block, TextBlock) and not block.html for block in parse_blocks(reply)):
            assert_same(reply)
            tried += 1
    assert tried > 300


SIGNS = [*"**__~`[!\\$$|()=.1é中", "**", "~~", "](x)", "\\(", "\\)", "<a>", "&amp;", "---"]
PIECES = st.sampled_from([*SIGNS, "word", "# ", "- ", "+ ", "1. ", "> ", " ", " and ", "\n", "\n\n"])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=14).map("".join), st.integers(0, 30), st.integers(0, 30))
def test_a_part_of_a_paragraph_says_what_its_characters_say(source: str, start: int, length: int) -> None:
    for block in parse_blocks(source):
        if not isinstance(block, TextBlock) or block.place.indent or block.place.quote:
            continue
        text = text_of(block)[start : start + length]
        part = Excerpt(block, start, min(start + length, len(text_of(block))))
        read = parse_blocks(inner_markdown(part))
        assert all(isinstance(other, TextBlock) and not other.level for other in read), inner_markdown(part)
        lines = [line.strip() for line in text.split("\n")]
        again = [line.strip() for other in read for line in text_of(other).split("\n")]
        assert list(filter(None, again)) == list(filter(None, lines)), inner_markdown(part)


@pytest.mark.parametrize(
    "plain",
    [
        "2 * 3 = 6, a_n and snake_case stay, as do 50% and x > y.",
        "It costs $5 and $6; see [1] (and note 2) - or #3.",
        "C:\\Users\\me, a|b, 3.5 + 1, (a) & b; -1 and ~5",
        "Ein Satz - mit Strich. 一个句子，没有标记。",
    ],
)
def test_ordinary_words_need_no_backslash(plain: str) -> None:
    [block] = parse_blocks(plain)
    assert inner_markdown(Excerpt.whole(block)) == plain
    assert_same(plain)


def test_the_parts_of_a_table_are_written_as_one() -> None:
    source = "| a | b |\n| --- | ---: |\n" + "\n".join(f"| {n} | *it* |" for n in range(150))
    parts = [Excerpt.whole(block) for block in parse_blocks(f"{source}\n\nafter")]
    assert len(parts) > 3
    assert markdown_of(parts) == f"{source}\n\nafter"
    assert html_of(parts).count("<table>") == 1
    last = replace(parts[-2], start=0, end=10)
    assert markdown_of([last]).startswith("|  |  |\n| --- | ---: |\n| ")
    begun = replace(parts[0], start=parts[0].end - 3)
    rows = markdown_of([begun, parts[1]]).split("\n")
    assert rows[0] == "|  |  |"
    assert len(rows) == 3 + PART_CELLS // 2


def test_lists_quotations_and_code_keep_their_places() -> None:
    source = (
        "Intro:\n\n"
        "- one\n  - deep **one**\n  - deep two\n"
        "    ```py\n    x = 1\n\n    y = 2\n    ```\n"
        "- two\n\n"
        "10. ten\n\n    more of ten\n11. eleven\n\n"
        "> quoted\n>\n> - in a quotation\n\n"
        "---\n\n"
        "\\[\na\n= b\n\\]\n\n$$ x $$"
    )
    assert_same(source)
    assert markdown_of(whole(source)).startswith(
        "Intro:\n\n- one\n  - deep **one**\n  - deep two\n    ```py\n    x = 1\n\n    y = 2\n    ```\n"
    )
    assert markdown_of(whole(source)).endswith("---\n\n\\[\na\n= b\n\\]\n\n$$ x $$")


def test_a_part_that_begins_within_an_item_has_no_marker_and_what_follows_has() -> None:
    first, second, third = whole("1. the first\n2. the second\n3. the third")
    assert (
        markdown_of([replace(first, start=4), second, replace(third, end=3)])
        == "first\n2. the second\n3. the"
    )
    assert inner_markdown(replace(second, start=4)) == "second"


def test_a_heading_whose_start_is_left_out_is_a_paragraph() -> None:
    heading, text = whole("## The heading\n\nText")
    assert markdown_of([replace(heading, start=4), text]) == "heading\n\nText"
    assert markdown_of([replace(heading, end=3), text]) == "## The\n\nText"


def test_thinking_is_quoted_beside_an_answer() -> None:
    thought, answer = whole("- a thought")[0], whole("The answer")[0]
    assert markdown_of([replace(thought, quoted=True), answer]) == "> - a thought\n\nThe answer"


def test_a_table_is_cut_by_cells() -> None:
    [table] = whole(
        "| a | b | c |\n|:-:|--:|---|\n| `1|2` | **d**e | f |\n| g | h | i |".replace("1|2", "1\\|2")
    )
    assert inner_markdown(table) == (
        "| a | b | c |\n| :---: | ---: | --- |\n| `1\\|2` | **d**e | f |\n| g | h | i |"
    )
    text = text_of(table.block)
    row = replace(table, start=text.index("1|2"), end=text.index("e") + 1)
    assert inner_markdown(row) == "|  |  |\n| :---: | ---: |\n| `1\\|2` | **d**e |"
    assert inner_markdown(replace(row, end=row.start + 3)) == "`1|2`"
    rows = replace(table, start=text.index("f"), end=text.index("g") + 1)
    assert inner_markdown(rows) == "|  |  |  |\n| :---: | ---: | --- |\n|  |  | f |\n| g |  |  |"


def test_a_long_paragraph_in_pieces_is_one_again() -> None:
    source = "data=" + "0123456789" * 900
    blocks = whole(source)
    assert len(blocks) > 1
    assert markdown_of(blocks) == source
    words = "word " * 2000 + "end"
    assert markdown_of(whole(words)) == words


@pytest.mark.parametrize("text", ["a <line>\n" * 3000, "words " * 5000, "x" * 20_000, "\n\n" * 500])
def test_a_long_question_in_parts_is_one_again(text: str) -> None:
    parts = [Excerpt.whole(part) for part in plain_parts(text)]
    assert len(parts) > 1
    assert markdown_of(parts) == text
    assert html_of(parts) == html_of([Excerpt.whole(PlainText(text))])
    beside = [*parts, *whole("An answer."), Excerpt.whole(PlainText("Another."))]
    assert markdown_of(beside) == f"{text}\n\nAn answer.\n\nAnother."
    assert html_of([*parts, *parts]) == 2 * html_of(parts)


def test_rich_text_fetches_nothing_and_keeps_formulas_as_their_source() -> None:
    blocks = [
        Excerpt.whole(PlainText("<b>not</b>\n**markup**")),
        *whole("![pic](https://x.example/p.png) and \\(a<b\\)\n\n$$\nc\n$$\n\n- [x](y)"),
    ]
    html = html_of(blocks)
    assert html == (
        "<p>&lt;b&gt;not&lt;/b&gt;<br>**markup**</p>\n"
        '<p><a href="https://x.example/p.png">pic</a> and \\(a&lt;b\\)</p>\n'
        "<p>$$ c $$</p>\n"
        '<ul>\n<li><a href="y">x</a></li>\n</ul>\n'
    )
    for reply in hostile_replies(200):
        assert not re.search(
            r"<(img|script|iframe|link|object|style|video|base|meta)\b", html_of(whole(reply))
        )
