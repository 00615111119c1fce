"""Markdown as a flat list of blocks, each of which one widget shows. No Qt here."""

import html
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING

from app.chat.documents.hidden_characters import with_hidden_shown
from app.chat.markdown.markdown_math import WHOLE

if TYPE_CHECKING:
    # Comes with the first text, which is after the window's first painting.
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# Qt's labels break lines between words only: a long word may be broken after each such piece.
LONG_WORD = re.compile(r"[!-~]{48}(?=[!-~])")
BREAK = "\u200b"
LONGEST_MARKED_CHARACTERS = 6000
"""Of a paragraph: what is longer is data, or wants to keep the window busy, and stays plain text. Parsing
60,000 opened brackets, and showing them, took 1.4 s."""

MOST_SIGNS = 1000
"""Of a paragraph: one with more characters that may be marks stays plain text, too. Each costs the parser up
to 20 µs, again with every word that comes in."""

PIECE_WEIGHT, FORMULA_WEIGHT = 800, 10
"""With so many marks and texts a paragraph goes on in another piece, as each is laid out at once; a drawn
formula takes as long as ten others."""

LONGEST_PIECE_CHARACTERS = 3000
MOST_CELLS = 2000
"""Of a table; a larger one is shown as its source. Qt laid one of 12,000 cells out for 5 s."""

PART_CELLS, PART_CHARACTERS = 96, 6000
"""Of a table as one block: with so many of either it goes on in another one, as each is laid out at once."""

LANGUAGE = "language"
"""In the `meta` of a parsed code block: the first word behind its fence."""

LONG_CHARACTERS, MOST_KEPT = 6000, 8
"""Texts from this length on, which as a list take 50 ms, are parsed in steps; so many are kept with their
blocks."""

STEP_CHARACTERS, MOST_CHARACTERS = 4000, 12_000
"""Of blocks so many are parsed in a step, and at most: where one is longer, and cannot be cut well."""

CUT_CHARACTERS = 20_000
"""Only in texts from this length on are finished blocks cut that cannot be cut without a trace."""

ALIGN = {"text-align:left": "left", "text-align:center": "center", "text-align:right": "right"}


_SIGN = re.compile(r"[\[\]*_`$\\<&!~\n]")
_keeping = threading.Lock()


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a block: `indent` lists and `quote` quotations deep, `marker` before its first line.

    `digits` is for how many digits more than one each the numbered lists leave room.
    """

    indent: int = 0
    quote: int = 0
    marker: str = ""
    tight: bool = False
    digits: int = 0


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A paragraph (`level` 0) or a heading as Qt's rich text; classes and tags are coloured by the widget.
    One that `goes_on` is a further piece of the paragraph before it."""

    html: str
    level: int = 0
    place: Place = field(default=Place())
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A code block; `closed` is False while its end has not come."""

    code: str
    language: str = ""
    closed: bool = True
    place: Place = field(default=Place())


@dataclass(frozen=True, slots=True)
class FormulaBlock:
    """A formula on a line of its own, after `opening`; `closed` is False while its end has not come."""

    latex: str
    closed: bool = True
    place: Place = field(default=Place())
    opening: str = "\\["


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table, or a part of a long one; its first row is its head, cells are rich text, `aligns` holds one of
    left, center, right. A further part has no head, and names the `first` one."""

    rows: tuple[tuple[str, ...], ...]
    aligns: tuple[str, ...]
    place: Place = field(default=Place())
    first: "TableBlock | None" = None


@dataclass(frozen=True, slots=True)
class RuleBlock:
    """A line across."""

    place: Place = field(default=Place())


Block = TextBlock | CodeBlock | FormulaBlock | TableBlock | RuleBlock

_kept: dict[str, tuple[Block, ...]] = {}
"""The newest last."""


def parse_blocks(source: str) -> list[Block]:
    """All blocks of a finished text; those of a long one are kept for the next time."""
    kept = kept_blocks(source)
    if kept is None:
        if len(source) > LONG_CHARACTERS:
            return _parsed_in_steps(source)
        text = with_parsed_signs(source)
        kept = blocks_from(shared_parser().parse(text, {WHOLE: True}), text)
    return kept


def _parsed_in_steps(source: str) -> list[Block]:
    """The same blocks as where others live between the steps."""
    from app.chat.markdown.parsing_steps import parsing_steps

    for _ in parsing_steps(source):
        pass
    return kept_blocks(source) or []


def with_parsed_signs(source: str) -> str:
    """The text with the line ends that the parser makes of others, and its sign for a zero."""
    return source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def blocks_from(tokens: Sequence["Token"], source: str) -> list[Block]:
    """The blocks of a text's tokens."""
    return [block for group in _groups(tokens, source) for block in group.blocks]


def kept_blocks(source: str) -> list[Block] | None:
    """The blocks of a long text that was parsed lately."""
    kept = _kept.get(source) if len(source) > LONG_CHARACTERS else None
    return None if kept is None else list(kept)


def keep_blocks(source: str, blocks: Sequence[Block]) -> None:
    """Keep the blocks of a text, if it is a long one; any thread."""
    if len(source) > LONG_CHARACTERS:
        with _keeping:
            _kept.pop(source, None)
            while len(_kept) >= MOST_KEPT:
                del _kept[next(iter(_kept))]
            _kept[source] = tuple(blocks)


def forget_kept() -> None:
    """Keep no text's blocks any more; any thread."""
    with _keeping:
        _kept.clear()


class MarkdownStream:
    """The blocks of a text that grows, at the cost of parsing its end.

    Everything before the last two top-level blocks is final: what comes can still join the last one, or turn
    it into a part of the one before (a list goes on), and no further. Where they are long, they are cut.
    """

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._parser = shared_parser()
        self._env: dict[str, object] = {}
        self._source: list[str] = []
        self._tail = ""
        self._first_part: TableBlock | None = None
        """Of a table that goes on in the tail, below its head once more."""
        self._final = 0

    @property
    def final(self) -> int:
        """The number of blocks at the start that cannot change any more."""
        return self._final

    def append(self, text: str) -> int:
        """Take more text; returns the index of the first block that may have changed."""
        self._source.append(text)
        self._tail += text
        if self._grow_code(text):
            return len(self.blocks) - 1
        first_changed = self._final
        tokens = self._parser.parse(self._tail, self._env)
        groups = _groups(tokens, self._tail)
        if groups:
            groups[0].blocks = self._as_going_on(groups[0].blocks)
        self.blocks[self._final :] = [block for group in groups for block in group.blocks]
        if len(groups) > 2:
            lines = self._tail.split("\n")
            self._tail = "\n".join(lines[groups[-2].first_line :])
            self._first_part = None
            self._final += sum(len(group.blocks) for group in groups[:-2])
        elif self._cut_table(tokens):
            pass
        elif len(self._tail) > STEP_CHARACTERS:
            self._cut_tail(tokens)
        return first_changed

    @property
    def source(self) -> str:
        """All that has come."""
        return "".join(self._source)

    def finish(self) -> None:
        """The text is complete: parse it as a whole, so that what refers forwards is right too."""
        self.blocks = parse_blocks(self.source)

    def _cut_tail(self, tokens: Sequence["Token"]) -> None:
        """Let a block that has become long go on as another one, until the text is complete: a list with its
        last item, another one with its last line. Code goes on."""
        last = self.blocks[-1] if self.blocks else None
        if isinstance(last, CodeBlock) and not last.closed:
            return
        lines = self._tail.split("\n")
        cut = last_item_line(tokens)
        # Without tokens, there are definitions of links only.
        if not cut and (not tokens or len(self._tail) > MOST_CHARACTERS):
            cut = len(lines) - 1
        if cut:
            above, self._tail = "\n".join(lines[:cut]) + "\n", "\n".join(lines[cut:])
            blocks = self._as_going_on(blocks_from(self._parser.parse(above, self._env), above))
            self._first_part = None
            below = blocks_from(self._parser.parse(self._tail, self._env), self._tail)
            self.blocks[self._final :] = blocks + below
            self._final += len(blocks)

    def _cut_table(self, tokens: Sequence["Token"]) -> bool:
        """Let a table of several parts go on with the last one."""
        last = self.blocks[-1] if self.blocks else None
        if not isinstance(last, TableBlock) or last.first is None or last.place != Place():
            return False
        table = next(token for token in reversed(tokens) if token.type == "table_open")
        assert table.map is not None
        start, end = table.map
        lines = self._tail.split("\n")
        self._tail = "\n".join([*lines[start : start + 2], *lines[end - len(last.rows) :]])
        self._first_part = last.first
        self._final = len(self.blocks) - 1
        return True

    def _as_going_on(self, blocks: list[Block]) -> list[Block]:
        """The tail's blocks, of which a table at the start goes on if its head stands above."""
        first = self._first_part
        tables = list(takewhile(lambda block: isinstance(block, TableBlock), blocks))
        if first is None or not tables:
            return blocks
        rows = [row for table in tables if isinstance(table, TableBlock) for row in table.rows]
        return [*_table_parts(rows[1:], first.aligns, Place(), first), *blocks[len(tables) :]]

    def _grow_code(self, text: str) -> bool:
        """The quick way while a long code block is coming in; False when the parser has to look."""
        last = self.blocks[-1] if self.blocks else None
        if not isinstance(last, CodeBlock) or last.closed or last.place != Place():
            return False
        start = self._tail.rfind("\n", 0, len(self._tail) - len(text)) + 1
        touched = self._tail[start:]
        if "`" in touched or "~" in touched or "\r" in touched or "\0" in touched or start == 0:
            return False
        self.blocks[-1] = CodeBlock(last.code + text, last.language, closed=False)
        return True


@dataclass(slots=True)
class _Group:
    """One top-level block of the source and what it became."""

    first_line: int
    blocks: list[Block]


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces that a label shows in a moment, cut between words where there are some."""
    at = 0
    while len(text) - at > LONGEST_PIECE_CHARACTERS:
        end = text.rfind(" ", at + LONGEST_PIECE_CHARACTERS // 2, at + LONGEST_PIECE_CHARACTERS) + 1
        end = end or at + LONGEST_PIECE_CHARACTERS
        yield text[at:end]
        at = end
    yield text[at:]


@cache
def shared_parser() -> "MarkdownIt":
    """The parser of all replies."""
    from app.chat.markdown.markdown_parser import markdown_parser

    return markdown_parser()


def _groups(tokens: Sequence["Token"], source: str) -> list[_Group]:
    lines = source.split("\n")
    groups: list[_Group] = []
    start = 0
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting <= 0:
            first = tokens[start]
            groups.append(
                _Group(first.map[0] if first.map else 0, _flatten(tokens[start : index + 1], lines))
            )
            start = index + 1
    return groups


def _flatten(tokens: Sequence["Token"], lines: list[str]) -> list[Block]:
    blocks: list[Block] = []
    lists: list[int] = []
    """For how many digits more than one each leaves room; 0 where it has bullets."""
    quote = level = 0
    marker = ""
    tight = False
    rows: list[tuple[str, ...]] = []
    cells: list[str] = []
    aligns: list[str] = []
    in_table = False
    table_lines: list[int] = []

    def place() -> Place:
        nonlocal marker
        taken, marker = marker, ""
        return Place(len(lists), quote, taken, tight, sum(lists))

    for token in tokens:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                # How many items a list that is being written will have, nobody knows.
                lists.append(0 if token.type.startswith("bullet") else 1)
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
                tight = tight and bool(lists)
            case "list_item_open":
                if marker:
                    blocks.append(TextBlock("", place=place()))
                marker = "•"
                if lists[-1]:
                    marker = f"{int(token.info)}."
                    lists[-1] = max(1, len(marker) - 2)
            case "list_item_close":
                if marker:
                    blocks.append(TextBlock("", place=place()))
            case "blockquote_open":
                quote += 1
            case "blockquote_close":
                quote -= 1
            case "heading_open":
                level = int(token.tag[1])
            case "heading_close":
                level = 0
            case "paragraph_open":
                tight = token.hidden
            case "inline" if in_table:
                cells.append(_inline(token))
            case "inline":
                where = place()
                marked = _marked_pieces(token)
                pieces = marked or [_text_html(text).replace("\n", "<br>") for text in _pieces(token.content)]
                for number, piece in enumerate(pieces):
                    blocks.append(TextBlock(piece, level if marked else 0, where, number > 0))
                    where = replace(where, marker="")
            case "fence" | "code_block":
                language = str(token.meta[LANGUAGE])
                blocks.append(
                    CodeBlock(token.content.rstrip("\n"), language, is_closed(token, lines), place())
                )
            case "math_block":
                blocks.append(FormulaBlock(token.content, bool(token.meta["closed"]), place(), token.markup))
            case "hr":
                blocks.append(RuleBlock(place()))
            case "table_open":
                in_table, rows, aligns = True, [], []
                table_lines = token.map or []
            case "th_open" | "td_open":
                if token.type == "th_open":
                    aligns.append(ALIGN.get(str(token.attrGet("style")), "left"))
            case "tr_close":
                rows.append(tuple(cells))
                cells = []
            case "table_close":
                in_table = False
                if len(rows) * len(aligns) <= MOST_CELLS:
                    blocks += _table_parts(rows, tuple(aligns), place())
                else:
                    blocks.append(CodeBlock("\n".join(lines[slice(*table_lines)]), place=place()))
    return blocks


def _table_parts(
    rows: list[tuple[str, ...]], aligns: tuple[str, ...], place: Place, first: TableBlock | None = None
) -> Iterator[TableBlock]:
    """The table as parts, the first of which has the marker; or further parts of the table `first`."""
    part: list[tuple[str, ...]] = []
    size = 0
    for row in rows:
        length = sum(map(len, row))
        if part and ((len(part) + 1) * len(aligns) > PART_CELLS or size + length > PART_CHARACTERS):
            made = TableBlock(tuple(part), aligns, place, first)
            yield made
            first = first or made
            place = replace(place, marker="")
            part, size = [], 0
        part.append(row)
        size += length
    yield TableBlock(tuple(part), aligns, place, first)


def is_closed(token: "Token", lines: list[str]) -> bool:
    """Tell whether a fence's last line closes it (the parser also ends it with the text)."""
    if token.type != "fence" or token.map is None:
        return True
    last = lines[min(token.map[1], len(lines)) - 1]
    closing = re.search(r"(`{3,}|~{3,})\s*$", last)
    return token.map[1] - token.map[0] > 1 and closing is not None and closing[1].startswith(token.markup)


def stays_plain(text: str) -> bool:
    """Tell whether a paragraph or a cell is longer than any, or has more marks."""
    return len(text) > LONGEST_MARKED_CHARACTERS or signs_in(text) > MOST_SIGNS


def signs_in(text: str) -> int:
    """The number of characters that may be marks, or parts of them."""
    return len(_SIGN.findall(text))


def _marked_pieces(token: "Token") -> list[str]:
    """A paragraph in pieces that a label shows in a moment, cut outside of all marks, at spaces where there
    are some; none if it is to be plain text."""
    if stays_plain(token.content):
        return []
    pieces = [""]
    weight = depth = 0
    for child in token.children or []:
        is_full = weight >= PIECE_WEIGHT and not depth
        if is_full and child.type == "text":
            word, space, rest = child.content.partition(" ")
            pieces[-1] += _text_html(word + space)
            pieces.append(_text_html(rest))
        else:
            if is_full and not child.type.endswith("break"):
                pieces.append("")
                weight, is_full = 0, False
            pieces[-1] += _inline_html(child)
            if is_full:
                pieces.append("")
        weight = 0 if is_full else weight + (FORMULA_WEIGHT if child.type == "math" else 1)
        if weight > 2 * PIECE_WEIGHT:
            return []
        depth += child.nesting
    return pieces if pieces[-1] or len(pieces) == 1 else pieces[:-1]


def _inline(token: "Token") -> str:
    return "".join(_inline_html(child) for child in token.children or [])


def _inline_html(token: "Token") -> str:
    if token.type == "math":
        look = "math display" if token.meta["display"] else "math"
        return f'<span class="{look}">{html.escape(with_hidden_shown(token.content))}</span>'
    content = _text_html(token.content)
    match token.type:
        case "code_inline":
            return f"<code>{_keep_spaces(content)}</code>"
        case "softbreak" | "hardbreak":
            return "<br>"
        case "strong_open" | "em_open" | "s_open":
            return f"<{token.tag}>"
        case "strong_close" | "em_close" | "s_close" | "link_close":
            return f"</{token.tag}>"
        case "link_open":
            return f'<a href="{html.escape(str(token.attrGet("href")))}">'
        case "image":
            # Nothing is fetched: a picture is a link that says what it is.
            words = html.escape(with_hidden_shown(_plain_words(token.children or []))) or "…"
            return f'<a href="{html.escape(str(token.attrGet("src")))}">▧ {words}</a>'
        case _:
            return content


def _text_html(text: str) -> str:
    return html.escape(LONG_WORD.sub(lambda word: word[0] + BREAK, with_hidden_shown(text)))


def _plain_words(tokens: Sequence["Token"]) -> str:
    """Return the text of a picture's description, without its markup."""
    return "".join(
        _plain_words(token.children or [])
        if token.type == "image"
        else " "
        if token.type in ("softbreak", "hardbreak")
        else token.content
        for token in tokens
    )


def _keep_spaces(text: str) -> str:
    return text.replace("  ", " &nbsp;")


def last_item_line(tokens: Sequence["Token"]) -> int:
    """The line at which the last item of the list at the end begins; 0 where none is."""
    items = (token for token in reversed(tokens) if token.type == "list_item_open" and token.level == 1)
    item = next(items, None) if tokens and tokens[-1].type.endswith("_list_close") else None
    return item.map[0] if item is not None and item.map is not None else 0
