"""A long text parsed in steps: the same blocks as at once, and no step has much of it."""

from collections.abc import Iterator

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.chat.markdown import markdown_parser
from app.chat.markdown.block_text import text_of
from app.chat.markdown.markdown_blocks import (
    CUT_CHARACTERS,
    LONG_CHARACTERS,
    MOST_CHARACTERS,
    MOST_KEPT,
    STEP_CHARACTERS,
    CodeBlock,
    blocks_from,
    forget_kept,
    parse_blocks,
    shared_parser,
)
from app.chat.markdown.markdown_math import WHOLE
from app.chat.markdown.parsing_steps import TOKENS_AT_ONCE, parsing_steps, takes_steps
from tests.support.commonmark_spec import examples

SECTION = r"""## Section {n}

For $n \ge 2$ see [the sum][later] and `s_{n}`, **bounded** by a telescoping one.

\[ \sum_{{k=1}}^{{n}} \frac{{1}}{{k^2}} \]

```python
for n in (10, {n}):

    print(n)
```

| terms | sum |
|---:|---:|
| 10 | {n} |

1. First the bound.

   And more of it.
2. Then Euler's value.
   - with Parseval's identity

> The sum was the problem of Basel.

"""
MIXED = (
    "".join(SECTION.format(n=number) for number in range(150)) + "[later]: https://example.org 'The sum'\n"
)
TEXTS = {
    "mixed": MIXED,
    "one code block": "```py\n" + "x = 1\n\n" * (2 * (CUT_CHARACTERS // 2) // 7) + "```\n\nThat is all.",
    "code without an end": "```py\n" + "x = 1\n" * (2 * (CUT_CHARACTERS // 2) // 6),
    "one paragraph": "word " * CUT_CHARACTERS,
    "one list": "- item\n\n  more of it\n" * (CUT_CHARACTERS // 10),
    "one table": "| a | b | c |\n|---|:-:|---|\n"
    + "| 1 | `x` | *much* more of a row |\n" * 620
    + "\n\nThat is all.",
    "a table of too many cells": "So:\n\n| a | b |\n|---|---|\n" + "| 1 | `x` |\n" * 3000 + "# Then\n\nmore",
    "one list without empty lines": "1. item *of*\n   - a list\n" * 2000,
    "one quotation of paragraphs": "> a paragraph\n\n" * (CUT_CHARACTERS // 6),
    "definitions": "[later]: x\n" + "".join(f"[a{n}]: x\n" for n in range(CUT_CHARACTERS // 4)) + "\n[later]",
    "headings": "# One\n" * (CUT_CHARACTERS // 3),
    "code in an item": "- so:\n  ```\n" + "  x = 1\n\n" * (CUT_CHARACTERS // 2) + "  ```\n- and",
    "other line ends": MIXED.replace("\n", "\r\n"),
    "an open formula": MIXED + "\\[ \\frac{1}{2}\n\n" + MIXED,
}


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    forget_kept()
    yield
    forget_kept()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_the_blocks_are_those_of_the_whole_text(text: str) -> None:
    assert len(text) > LONG_CHARACTERS
    whole = blocks_from(shared_parser().parse(text, {WHOLE: True}), text.replace("\r", ""))
    assert takes_steps(text)
    for _ in parsing_steps(text):
        pass
    assert not takes_steps(text)
    assert parse_blocks(text) == whole


@pytest.mark.parametrize(
    "text",
    [
        "- item\n  - of it\n" * 900 + "\n- at the end, which makes the list a loose one\n",
        "some **words** here\n" * 600,
        "> a line\n" * 1500,
        "- item\n" + "  more of it\n\n" * 900,
        "| a | b |\n|---|---|\n" + "| 1 | `x` |\n" * 900 + "\nThat is all.",
    ],
    ids=["list", "paragraph", "quotation", "item", "table"],
)
def test_blocks_of_a_text_that_is_not_very_long_are_not_cut(text: str) -> None:
    assert LONG_CHARACTERS < len(text) < CUT_CHARACTERS
    test_the_blocks_are_those_of_the_whole_text(text)


def test_the_blocks_of_a_specification_are_those_of_the_whole_text() -> None:
    test_the_blocks_are_those_of_the_whole_text(
        "\n\n".join(example["markdown"].replace("\0", "") for example in examples()) * 2
    )


HUGE = {
    "table": "| a | b |\n|---|---|\n" + "| 1 | `x` |\n" * (CUT_CHARACTERS // 2),
    "definitions": "".join(f"[a{number}]: x\n" for number in range(CUT_CHARACTERS)),
    "paragraph": "some **words** here\n" * (CUT_CHARACTERS // 2) + "===\n",
    "list": "- item\n  - of it\n" * (CUT_CHARACTERS // 2),
    "item": "- item\n" + "  more of it\n\n" * (CUT_CHARACTERS // 2),
    "quotation": "> a line\n" * (CUT_CHARACTERS // 2),
    "formula": "\\[\n" + "x + 1\n" * (CUT_CHARACTERS // 2) + "\\]",
    "headings": "# One\n" * (CUT_CHARACTERS // 2),
    "other line ends": "| a |\r\n|---|\r\n" + "| 1 |\r\n" * (CUT_CHARACTERS // 2),
}


@pytest.mark.parametrize(
    ("text", "most"),
    [(MIXED, STEP_CHARACTERS + len(SECTION)), *((text, MOST_CHARACTERS + 100) for text in HUGE.values())],
    ids=["mixed", *HUGE],
)
def test_no_step_has_much_of_the_text(text: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    done = [0, 0]
    block_level, inline = markdown_parser.parse_block_level, markdown_parser.parse_inline

    def counted_blocks(parser: MarkdownIt, source: str, environment: dict[str, object]) -> list[Token]:
        done[0] += len(source)
        return block_level(parser, source, environment)

    def counted_inline(parser: MarkdownIt, tokens: list[Token], environment: dict[str, object]) -> None:
        done[1] += len(tokens)
        inline(parser, tokens, environment)

    monkeypatch.setattr(markdown_parser, "parse_block_level", counted_blocks)
    monkeypatch.setattr(markdown_parser, "parse_inline", counted_inline)
    steps = 0
    for _ in parsing_steps(text[:200_000]):
        characters, tokens = done
        assert characters <= most
        assert tokens <= TOKENS_AT_ONCE
        done[:] = [0, 0]
        steps += 1
    assert steps > 10


def test_a_short_text_takes_no_steps() -> None:
    assert not takes_steps("short")
    assert not list(parsing_steps("short"))


def test_what_was_parsed_lately_is_kept_as_it_was() -> None:
    first, *others = ["word " * CUT_CHARACTERS + str(number) for number in range(MOST_KEPT + 1)]
    blocks = parse_blocks(first)
    assert not takes_steps(first)
    blocks.append(CodeBlock("of the caller"))
    assert parse_blocks(first) == blocks[:-1]
    for text in others:
        parse_blocks(text)
    assert takes_steps(first)
    assert not takes_steps(others[0])


def test_all_of_a_huge_block_is_shown() -> None:
    def shown(text: str) -> str:
        return "".join("".join(text_of(block) for block in parse_blocks(text)).split())

    words = [f"word{number}" for number in range(CUT_CHARACTERS // 4)]
    for text in ("\n".join(words), " ".join(words), "> " + "\n> ".join(words)):
        assert shown(text) == "".join(words)
    table = "| a |\n|---|\n" + "\n".join(f"| {word} |" for word in words)
    assert shown(table) == "".join(table.split())
