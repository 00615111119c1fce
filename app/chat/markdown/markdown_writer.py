"""Blocks, or parts of them, as Markdown and as HTML: what a selection is copied as. No Qt here."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from app.chat.documents.hidden_characters import with_hidden_shown
from app.chat.markdown.block_text import (
    PlainText,
    Selectable,
    cell_spans,
    cells_of,
    cut,
    runs_of,
    text_of,
    without_breaks,
)
from app.chat.markdown.inline_writer import inline_markdown
from app.chat.markdown.markdown_blocks import (
    CodeBlock,
    FormulaBlock,
    Place,
    RuleBlock,
    TableBlock,
    TextBlock,
)
from app.chat.markdown.markdown_math import DELIMITERS

if TYPE_CHECKING:
    # Comes with the first text, which is after the window's first painting.
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

_CLOSING_SIGNS = re.compile(r"(?:^| )#+$")
_RULES = {"left": "---", "center": ":---:", "right": "---:"}


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The characters of a block from `start` to `end`, as `text_of` counts them. `quoted` sets it apart from
    what others say, as thinking from its answer."""

    block: Selectable
    start: int
    end: int
    quoted: bool = False

    @classmethod
    def whole(cls, block: Selectable, *, quoted: bool = False) -> "Excerpt":
        """All of a block."""
        return cls(block, 0, len(text_of(block)), quoted)

    @property
    def place(self) -> Place:
        """Where it stands among the blocks, its marker only with its first character."""
        place = self.block.place
        marker = "" if self.start else place.marker
        return replace(place, quote=place.quote + self.quoted, marker=marker)


def inner_markdown(excerpt: Excerpt) -> str:
    """What is within one block: its words without what makes it a heading, an item or a code block."""
    match excerpt.block:
        case CodeBlock() | PlainText():
            return _shown(excerpt)
        case TextBlock(html=html):
            return inline_markdown(cut(runs_of(html), excerpt.start, excerpt.end))
        case block:
            return "\n".join(_lines(replace(excerpt, block=replace(block, place=Place()))))


def markdown_of(excerpts: Sequence[Excerpt]) -> str:
    """What several blocks say, one below the other."""
    lines: list[str] = []
    around = _Around()
    before: Excerpt | None = None
    for excerpt in _with_whole_tables(excerpts):
        if before is not None and _goes_on(before, excerpt):
            first, *others = inner_markdown(excerpt).split("\n")
            lines[-1] += first
            lines += [around.prefix() + line for line in others]
            continue
        shared = around.enter(excerpt.place)
        if before is not None and not _joins(before, excerpt):
            lines.append(around.prefix(shared).rstrip())
        first, *others = _lines(excerpt)
        lines.append((around.first_prefix() + first).rstrip(" " if not first else ""))
        lines += [(around.prefix() + line) if line else around.prefix().rstrip() for line in others]
        before = excerpt
    return "\n".join(lines)


def _with_whole_tables(excerpts: Sequence[Excerpt]) -> Iterator[Excerpt]:
    """The excerpts, of which those of one table's parts are one of the table."""
    last: Excerpt | None = None
    for excerpt in excerpts:
        block = excerpt.block
        if isinstance(block, TableBlock) and block.first and last and isinstance(last.block, TableBlock):
            end = len(text_of(last.block)) + 1 + excerpt.end
            last = replace(last, block=replace(last.block, rows=last.block.rows + block.rows), end=end)
            continue
        if last is not None:
            yield last
        last = excerpt
    if last is not None:
        yield last


class _Around:
    """The lists and quotations that are open, from the outermost in."""

    def __init__(self) -> None:
        self._prefixes: list[str] = []
        """What stands before each line: "> ", or as many spaces as an item's marker is wide."""
        self._marker = ""

    def enter(self, place: Place) -> int:
        """Open and close what a block at `place` needs; how many stay open from the block before."""
        self._close(place.indent, place.quote, new_item=bool(place.marker))
        shared = len(self._prefixes)
        self._marker = "- " if place.marker == "•" else f"{place.marker} " if place.marker else ""
        missing = "> " * (place.quote - self._prefixes.count("> "))
        quotes = [missing[at : at + 2] for at in range(0, len(missing), 2)]
        item = [" " * len(self._marker)] if place.marker else []
        # A list in a quotation, or the other way round? What is open already decides.
        self._prefixes += [*item, *quotes] if self._lists() else [*quotes, *item]
        return shared

    def prefix(self, depth: int | None = None) -> str:
        """What stands before a line within the outermost `depth`, or within all."""
        return "".join(self._prefixes[:depth])

    def first_prefix(self) -> str:
        """What stands before a block's first line."""
        if not self._marker:
            return self.prefix()
        at = max(at for at, prefix in enumerate(self._prefixes) if prefix != "> ")
        return self.prefix(at) + self._marker + "".join(self._prefixes[at + 1 :])

    def _lists(self) -> int:
        return len(self._prefixes) - self._prefixes.count("> ")

    def _close(self, indent: int, quote: int, *, new_item: bool) -> None:
        while self._prefixes and (
            self._lists() > indent
            or self._prefixes.count("> ") > quote
            or (new_item and self._lists() == indent)
        ):
            self._prefixes.pop()


def html_of(excerpts: Sequence[Excerpt]) -> str:
    """The same as rich text for other programs, with formulas as their source and nothing that is fetched."""
    groups = groupby(excerpts, key=lambda excerpt: isinstance(excerpt.block, PlainText))
    return "".join(_written(list(group)) if plain else _rendered(list(group)) for plain, group in groups)


def _written(excerpts: Sequence[Excerpt]) -> str:
    """Texts that are no Markdown as paragraphs, the parts of one together."""
    texts: list[list[str]] = []
    for excerpt in excerpts:
        joint = excerpt.block.joint if isinstance(excerpt.block, PlainText) else None
        if joint is None or not texts:
            texts.append([_shown(excerpt)])
        else:
            texts[-1] += [joint, _shown(excerpt)]
    return "".join(f"<p>{escape(''.join(text)).replace(chr(10), '<br>')}</p>\n" for text in texts)


def _rendered(excerpts: Sequence[Excerpt]) -> str:
    rendered: str = _renderer().render(markdown_of(excerpts))
    return rendered


def _goes_on(before: Excerpt, excerpt: Excerpt) -> bool:
    """Tell whether it is a further piece of the paragraph before it, or of the line."""
    block = excerpt.block
    if isinstance(block, PlainText):
        return block.joint == "" and isinstance(before.block, PlainText)
    return isinstance(block, TextBlock) and block.goes_on and isinstance(before.block, TextBlock)


def _joins(before: Excerpt, excerpt: Excerpt) -> bool:
    """Tell whether no empty line stands between two blocks: both are in a tight list, or of one text."""
    if isinstance(excerpt.block, PlainText):
        return excerpt.block.joint is not None and isinstance(before.block, PlainText)
    place, above = excerpt.place, before.place
    if not (place.tight and above.tight) or place.quote != above.quote:
        return False
    if place.marker:
        # Only a list that begins so may begin right below a paragraph.
        return place.indent <= above.indent or place.marker in ("•", "1.")
    return isinstance(excerpt.block, CodeBlock | FormulaBlock)


def _lines(excerpt: Excerpt) -> Iterator[str]:
    """The lines of a block without what stands before each."""
    block, start, end = excerpt.block, excerpt.start, excerpt.end
    match block:
        case PlainText():
            yield from _shown(excerpt).split("\n")
        case TextBlock(html=html, level=level):
            words = inline_markdown(cut(runs_of(html), start, end))
            yield from _heading(words, level) if level and not start else words.split("\n")
        case CodeBlock(language=language):
            code = _shown(excerpt)
            fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall("`{3,}", code))])
            yield fence + re.sub(r"([\\&])", r"\\\1", with_hidden_shown(language))
            yield from code.split("\n")
            yield fence
        case FormulaBlock(latex=latex, opening=opening):
            closing = dict(DELIMITERS)[opening]
            yield from (
                [opening, *latex.split("\n"), closing] if "\n" in latex else [f"{opening} {latex} {closing}"]
            )
        case TableBlock():
            yield from _table(block, start, end)
        case RuleBlock():
            yield "***" if excerpt.place.marker else "---"


def _heading(words: str, level: int) -> Iterator[str]:
    if "\n" in words:
        # Only a heading of the first two levels can have several lines.
        yield from words.split("\n")
        yield "===" if level == 1 else "---"
        return
    if _CLOSING_SIGNS.search(words):
        words = f"{words[:-1]}\\#"
    yield f"{'#' * level} {words}".rstrip()


def _table(table: TableBlock, start: int, end: int) -> Iterator[str]:
    """The selected cells: the text of one; a row's beside one another; all columns of several rows."""
    columns = len(table.aligns)
    cells, spans = cells_of(table), cell_spans(table)
    chosen = [number for number, (first, last) in enumerate(spans) if first <= end and last >= start]
    written = {
        number: inline_markdown(
            cut(runs_of(cells[number]), start - spans[number][0], end - spans[number][0]), in_table=True
        )
        for number in chosen
    }
    if len(chosen) == 1:
        yield written[chosen[0]].replace("\\|", "|")
        return
    head = -1 if table.first else 0
    first_row, last_row = chosen[0] // columns, chosen[-1] // columns
    shown = range(columns)
    if first_row == last_row:
        shown = range(chosen[0] % columns, chosen[-1] % columns + 1)
    for row in range(first_row, last_row + 1):
        line = _row([written.get(row * columns + column, "") for column in shown])
        if row == first_row:
            # A table needs a head, which is empty where it is not selected.
            yield line if row == head else _row([""] * len(shown))
            yield _row([_RULES[table.aligns[column]] for column in shown])
        if row != head:
            yield line


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(excerpt: Excerpt) -> str:
    return without_breaks(text_of(excerpt.block)[excerpt.start : excerpt.end])


@cache
def _renderer() -> "MarkdownIt":
    from app.chat.markdown.markdown_parser import markdown_parser

    def source(
        _: "RendererHTML", tokens: Sequence["Token"], index: int, options: "OptionsDict", env: "EnvType"
    ) -> str:
        return escape(tokens[index].content)

    def block(
        _: "RendererHTML", tokens: Sequence["Token"], index: int, options: "OptionsDict", env: "EnvType"
    ) -> str:
        opening = tokens[index].markup
        return f"<p>{escape(f'{opening} {tokens[index].content} {dict(DELIMITERS)[opening]}')}</p>\n"

    def picture(
        _: "RendererHTML", tokens: Sequence["Token"], index: int, options: "OptionsDict", env: "EnvType"
    ) -> str:
        address = escape(str(tokens[index].attrGet("src")))
        return f'<a href="{address}">{escape(tokens[index].content) or address}</a>'

    parser = markdown_parser()
    parser.add_render_rule("math", source)
    parser.add_render_rule("math_block", block)
    parser.add_render_rule("image", picture)
    return parser
