"""Parsing a long text in steps, between which the window lives. No Qt here."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from app.chat.markdown.markdown_blocks import (
    CUT_CHARACTERS,
    LONG_CHARACTERS,
    MOST_CELLS,
    MOST_CHARACTERS,
    STEP_CHARACTERS,
    Block,
    blocks_from,
    is_closed,
    keep_blocks,
    kept_blocks,
    last_item_line,
    shared_parser,
    signs_in,
    with_parsed_signs,
)
from app.chat.markdown.markdown_math import WHOLE

if TYPE_CHECKING:
    # Comes with the first text, which is after the window's first painting.
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

TOKENS_AT_ONCE = 60
"""So many tokens' inline text is parsed in a step: a paragraph, a heading and a cell of a table have one."""

INLINE_CHARACTERS, INLINE_SIGNS = 4000, 1000
"""Of inline text so much at most, with so many signs, or one token's, is parsed in a step."""

_Piece = tuple[list["Token"], str]
"""Tokens, and the text of whose lines they tell."""


def takes_steps(source: str) -> bool:
    """Tell whether a text takes long to parse, and was not parsed lately."""
    return len(source) > LONG_CHARACTERS and kept_blocks(source) is None


def parsing_steps(source: str) -> Iterator[None]:
    """Parse a long text in steps, after which `parse_blocks` has its blocks at once; none for a short one.

    Its blocks first, as `MarkdownStream` does: all but the last two of a piece are final. Then, when all
    links that it defines are known, what is in them. A block that is longer is cut: a table between rows,
    which come together again; above `CUT_CHARACTERS` a list between items, what else there is between lines.
    Only a code block within fences, which costs little, is parsed whole.
    """
    if not takes_steps(source):
        return
    from app.chat.markdown.markdown_parser import parse_inline

    parser, environment = shared_parser(), dict[str, object]()
    pieces: list[_Piece] = []
    yield from _block_steps(parser, with_parsed_signs(source), environment, pieces)
    blocks: list[Block] = []
    for tokens, piece in pieces:
        for some in _portions(tokens):
            parse_inline(parser, some, environment)
            yield
        blocks += blocks_from(tokens, piece)
        yield
    keep_blocks(source, blocks)


def _block_steps(
    parser: "MarkdownIt", text: str, environment: dict[str, object], pieces: list[_Piece]
) -> Iterator[None]:
    from app.chat.markdown.markdown_parser import parse_block_level

    start, size = 0, STEP_CHARACTERS
    cut: int | None = None
    while start < len(text):
        end = cut or _end_of_piece(text, start, size)
        piece = text[start:end]
        if end == len(text):
            environment[WHOLE] = True
        tokens = parse_block_level(parser, piece, environment)
        yield
        ends = [at for at, token in enumerate(tokens, 1) if token.level == 0 and token.nesting <= 0]
        if end in (cut, len(text)):
            pieces.append((tokens, piece))
            start, size, cut = end, STEP_CHARACTERS, None
        elif len(ends) > 2 and (lines := tokens[ends[-3]].map) is not None:
            pieces.append((tokens[: ends[-3]], piece))
            start += _length_of_lines(piece, lines[0])
            size = STEP_CHARACTERS
        elif _ends_within_fence(tokens, piece):
            size *= 2
        elif tokens and tokens[-1].type == "table_close":
            before = ends[-2] if len(ends) > 1 else 0
            lines = tokens[before].map
            assert lines is not None
            pieces.append((tokens[:before], piece))
            start += _length_of_lines(piece, lines[0])
            start = yield from _table_steps(parser, text, start, environment, pieces)
        elif len(text) <= CUT_CHARACTERS:
            size = len(text)
        else:
            item = _length_of_lines(piece, last_item_line(tokens))
            # Without tokens, there are definitions of links only.
            if item or not tokens or 2 * size > MOST_CHARACTERS:
                cut = start + item if item else end
            else:
                size *= 2


def _table_steps(
    parser: "MarkdownIt", text: str, start: int, environment: dict[str, object], pieces: list[_Piece]
) -> Generator[None, None, int]:
    """Parse a long table, which begins at `start`, some rows at a time below its head; returns its end."""
    from markdown_it.token import Token

    from app.chat.markdown.markdown_parser import parse_block_level

    head = text[start : start + _length_of_lines(text[start : start + MOST_CHARACTERS], 2)]
    at = start + len(head)
    table: list[Token] = []
    cells = 0
    is_over = False
    while not is_over:
        end = _end_of_piece(text, at, STEP_CHARACTERS)
        rows = text[at:end]
        tokens = parse_block_level(parser, head + rows, environment)
        yield
        lines = tokens[0].map
        assert lines is not None
        length = _length_of_lines(rows, lines[1] - 2)
        is_over = length < len(rows) or end == len(text)
        at += length
        types = [token.type for token in tokens]
        last = types.index("table_close")
        if not table:
            table = tokens[: last + 1]
            cells = types[:last].count("th_open")
        elif "tbody_open" in types[:last]:
            body = tokens[types.index("tbody_open") : last]
            if table[-2].type == "tbody_close":
                table[-2:-1] = body[1:]
            else:
                table[-1:-1] = body
        cells += types[:last].count("td_open")
        if cells > MOST_CELLS:
            # It is shown as its source, of which the head is enough to be parsed.
            table = table[: [token.type for token in table].index("thead_close") + 1] + table[-1:]
    source = text[start:at]
    if cells > MOST_CELLS:
        table = [Token("code_block", "", 0, content=source, map=[0, source.count("\n")])]
    pieces.append((table, source))
    return at


def _portions(tokens: list["Token"]) -> Iterator[list["Token"]]:
    """The tokens in portions of which each one's inline text is parsed in a moment."""
    some: list[Token] = []
    size = signs = 0
    for token in tokens:
        text = token.content if token.type == "inline" else ""
        size, signs = size + len(text), signs + signs_in(text)
        if some and (len(some) == TOKENS_AT_ONCE or size > INLINE_CHARACTERS or signs > INLINE_SIGNS):
            yield some
            some, size, signs = [], len(text), signs_in(text)
        some.append(token)
    if some:
        yield some


def _end_of_piece(text: str, start: int, size: int) -> int:
    """The end of the first empty line behind `size` characters, where one is near; else of a line."""
    least = start + size
    if least >= len(text):
        return len(text)
    end = text.find("\n\n", least, least + STEP_CHARACTERS // 4)
    if end >= 0:
        return end + 2
    end = text.rfind("\n", start, least)
    if end < 0:
        end = text.find("\n", least)
    return len(text) if end < 0 else end + 1


def _length_of_lines(text: str, count: int) -> int:
    """The characters of so many lines with their ends."""
    return min(len(text), sum(len(line) + 1 for line in text.split("\n", count)[:count]))


def _ends_within_fence(tokens: list["Token"], piece: str) -> bool:
    """Tell whether a code block goes on behind the piece."""
    fence = next((token for token in reversed(tokens) if token.type == "fence"), None)
    if fence is None or fence.map is None:
        return False
    lines = piece.split("\n")
    return fence.map[1] >= len(lines) - 1 and not is_closed(fence, lines)
