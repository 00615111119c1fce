"""Parsing a long text in steps, between which the window lives. No Qt here."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.chat.markdown.markdown_blocks import (
    LONG_CHARACTERS,
    Block,
    blocks_from,
    keep_blocks,
    kept_blocks,
    shared_parser,
)
from app.chat.markdown.markdown_math import WHOLE

if TYPE_CHECKING:
    # Comes with the first text, which is after the window's first painting.
    from markdown_it.token import Token

STEP_CHARACTERS = 12_000
TOKENS_AT_ONCE = 60
"""So many tokens' inline text is parsed in a step: a paragraph, a heading and a cell of a table have one."""


def takes_steps(source: str) -> bool:
    """Tell whether a text takes long to parse, and was not parsed lately."""
    return len(source) > LONG_CHARACTERS and kept_blocks(source) is None


def parsing_steps(source: str) -> Iterator[None]:
    """Parse a long text in steps, after which `parse_blocks` has its blocks at once; none for a short one.

    Its blocks first, as `MarkdownStream` does: all but the last two of a piece are final. Then, when all
    links that it defines are known, what is in them.
    """
    # The parser makes other lines of these.
    if not takes_steps(source) or "\r" in source or "\0" in source:
        return
    from app.chat.markdown.markdown_parser import parse_block_level, parse_inline

    parser, environment = shared_parser(), dict[str, object]()
    pieces: list[tuple[list[Token], str]] = []
    start, size = 0, STEP_CHARACTERS
    while start < len(source):
        end = _end_of_piece(source, start + size)
        piece = source[start:end]
        if end == len(source):
            environment[WHOLE] = True
        tokens = parse_block_level(parser, piece, environment)
        ends = [at for at, token in enumerate(tokens, 1) if token.level == 0 and token.nesting <= 0]
        if end == len(source):
            pieces.append((tokens, piece))
            start = end
        elif len(ends) > 2 and (lines := tokens[ends[-3]].map) is not None:
            pieces.append((tokens[: ends[-3]], piece))
            start += sum(len(line) + 1 for line in piece.split("\n")[: lines[0]])
            size = STEP_CHARACTERS
        else:
            size *= 2
        yield
    blocks: list[Block] = []
    for tokens, piece in pieces:
        for first in range(0, len(tokens), TOKENS_AT_ONCE):
            parse_inline(parser, tokens[first : first + TOKENS_AT_ONCE], environment)
            yield
        blocks += blocks_from(tokens, piece)
        yield
    keep_blocks(source, blocks)


def _end_of_piece(source: str, least: int) -> int:
    """The end of the first empty line from there on: no paragraph goes over it."""
    end = source.find("\n\n", least)
    return len(source) if end < 0 else end + 2
