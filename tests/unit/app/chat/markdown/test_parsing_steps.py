"""A long text parsed in steps: the same blocks as at once, and no step has much of it."""

from collections.abc import Iterator

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.chat.markdown import markdown_parser
from app.chat.markdown.markdown_blocks import (
    LONG_CHARACTERS,
    MOST_KEPT,
    CodeBlock,
    forget_kept,
    parse_blocks,
)
from app.chat.markdown.parsing_steps import STEP_CHARACTERS, TOKENS_AT_ONCE, parsing_steps, takes_steps
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
    "one code block": "```py\n" + "x = 1\n\n" * (2 * LONG_CHARACTERS // 7) + "```\n\nThat is all.",
    "code without an end": "```py\n" + "x = 1\n" * (2 * LONG_CHARACTERS // 6),
    "one paragraph": "word " * LONG_CHARACTERS,
    "one list": "- item\n\n  more of it\n" * (LONG_CHARACTERS // 10),
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
    whole = parse_blocks(text)
    forget_kept()
    assert takes_steps(text)
    for _ in parsing_steps(text):
        pass
    assert not takes_steps(text)
    assert parse_blocks(text) == whole


def test_the_blocks_of_a_specification_are_those_of_the_whole_text() -> None:
    test_the_blocks_are_those_of_the_whole_text(
        "\n\n".join(example["markdown"].replace("\0", "") for example in examples()) * 2
    )


def test_no_step_has_much_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
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
    for _ in parsing_steps(MIXED):
        characters, tokens = done
        assert characters <= STEP_CHARACTERS + len(SECTION)
        assert tokens <= TOKENS_AT_ONCE
        done[:] = [0, 0]
        steps += 1
    assert steps > 2 * len(MIXED) // STEP_CHARACTERS


def test_a_short_text_takes_no_steps() -> None:
    assert not takes_steps("short")
    assert not list(parsing_steps("short"))


def test_what_was_parsed_lately_is_kept_as_it_was() -> None:
    first, *others = ["word " * LONG_CHARACTERS + str(number) for number in range(MOST_KEPT + 1)]
    blocks = parse_blocks(first)
    assert not takes_steps(first)
    blocks.append(CodeBlock("of the caller"))
    assert parse_blocks(first) == blocks[:-1]
    for text in others:
        parse_blocks(text)
    assert takes_steps(first)
    assert not takes_steps(others[0])
