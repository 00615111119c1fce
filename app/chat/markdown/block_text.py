"""The text of blocks as it is shown, counted in characters: what a selection is measured in. No Qt here."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

from app.chat.documents.hidden_characters import with_hidden_shown
from app.chat.markdown.markdown_blocks import (
    BREAK,
    LONG_WORD,
    Block,
    CodeBlock,
    FormulaBlock,
    Place,
    RuleBlock,
    TableBlock,
    TextBlock,
)

PART_CHARACTERS, PART_LINES = 4000, 200
"""Of a text that is no Markdown, at most so many are laid out at once."""
OBJECT = "\ufffc"
"""Stands for what is selected as a whole, such as a formula: one character."""

_BROKEN_WORD = re.compile(rf"([!-~]{{48}}){BREAK}(?=[!-~])")
_PIECE = re.compile(r"<(/?)(\w+)([^>]*)>|([^<]+)")
_NO_PLACE = Place()
_SPACES = re.compile(r"[^\S\xa0\u2029]+")


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text that is no Markdown, such as a question, or a part of one. `joint` stands between it and the
    part before it: a line end or, within a line, nothing; None for the first."""

    text: str
    joint: str | None = None

    @property
    def place(self) -> Place:
        """Its place, which is in no list and no quotation."""
        return _NO_PLACE


Selectable = Block | PlainText


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag around some text: strong, em, s, code, or a with its address. `number` tells neighbours apart."""

    tag: str
    number: int
    href: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Text with the marks around it, from the outermost in; or a formula's source, which counts as one."""

    text: str
    marks: tuple[Mark, ...] = ()
    is_formula: bool = False

    def __len__(self) -> int:
        return 1 if self.is_formula else len(self.text)


@lru_cache(maxsize=256)
def runs_of(html: str) -> tuple[Run, ...]:
    """The runs of a text block's or a cell's rich text, with white space as Qt shows it; a line end is a run
    of its own."""
    runs: list[Run] = []
    marks: list[Mark] = []
    in_formula, after_space = False, True
    for number, (closing, tag, rest, text) in enumerate(_PIECE.findall(html)):
        if text:
            # A source that is not drawn is shown with its white space closed up, too.
            shown = closed_up(unescape(text), after_space and not in_formula)
            if shown:
                runs.append(Run(shown, tuple(marks), in_formula))
                after_space = shown[-1].isspace() and shown[-1] != "\xa0"
        elif tag == "br":
            runs.append(Run("\n", tuple(marks)))
            after_space = True
        elif tag == "span":
            in_formula = not closing
        elif closing:
            marks.pop()
        else:
            marks.append(Mark(tag, number, unescape(rest[len(' href="') : -1])))
    return tuple(runs)


def plain_parts(text: str) -> list[PlainText]:
    """A text that is no Markdown in parts of whole lines; a line that is longer than a part ends with a word
    of it."""
    parts: list[PlainText] = []
    lines: list[str] = []
    joint: str | None = None
    size = 0
    for line in _with_line_ends(text).split("\n"):
        if lines and (size + len(line) > PART_CHARACTERS or len(lines) == PART_LINES):
            parts.append(PlainText("\n".join(lines), joint))
            lines, joint, size = [], "\n", 0
        start = 0
        while len(line) - start > PART_CHARACTERS:
            end = _end_of_part(line, start)
            parts.append(PlainText(line[start:end], joint))
            start, joint = end, ""
        lines.append(line[start:])
        size += len(line) - start
    return [*parts, PlainText("\n".join(lines), joint)]


def closed_up(text: str, after_space: bool = False) -> str:
    """Return the text with one space for each stretch of white space, and none at its start `after_space`."""
    shown = _SPACES.sub(lambda spaces: " " if spaces[0][0] in "\t\n\v\f\r" else spaces[0][0], text)
    return shown[1:] if after_space and _SPACES.match(shown) else shown


def cut(runs: tuple[Run, ...], start: int, end: int) -> list[Run]:
    """The runs between two offsets."""
    found = []
    at = 0
    for run in runs:
        first, last = max(start - at, 0), min(end - at, len(run))
        if first < last:
            found.append(run if run.is_formula else Run(run.text[first:last], run.marks))
        at += len(run)
    return found


def text_of(block: Selectable) -> str:
    """The characters of a block that a selection counts: cells end with a line end, `OBJECT` is a formula or
    a rule."""
    match block:
        case TextBlock(html=html):
            return _text_of_runs(html)
        case CodeBlock(code=code):
            return with_hidden_shown(code)
        case PlainText(text=text):
            return LONG_WORD.sub(lambda word: word[0] + BREAK, with_hidden_shown(_with_line_ends(text)))
        case TableBlock():
            return "\n".join(_text_of_runs(cell) for cell in cells_of(block))
        case FormulaBlock() | RuleBlock():
            return OBJECT


def cells_of(table: TableBlock) -> list[str]:
    """The rich text of a table's cells, row by row; all rows are as long as `aligns`."""
    columns = len(table.aligns)
    return [cell for row in table.rows for cell in (*row[:columns], *[""] * (columns - len(row)))]


def cell_spans(table: TableBlock) -> list[tuple[int, int]]:
    """From which offset of the table's text to which each of `cells_of` goes."""
    spans = []
    at = 0
    for cell in cells_of(table):
        length = sum(map(len, runs_of(cell)))
        spans.append((at, at + length))
        at += length + 1
    return spans


def paragraph_at(block: Selectable, offset: int) -> tuple[int, int]:
    """Where the paragraph around an offset starts and ends: a line of code or of a question, a table's cell,
    otherwise the whole block."""
    text = text_of(block)
    if isinstance(block, TextBlock):
        return 0, len(text)
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    return start, len(text) if end < 0 else end


def without_breaks(text: str) -> str:
    """Return a shown text without the places where a long word may be broken."""
    return _BROKEN_WORD.sub(r"\1", text) if BREAK in text else text


def _text_of_runs(html: str) -> str:
    return "".join(OBJECT if run.is_formula else run.text for run in runs_of(html))


def _with_line_ends(text: str) -> str:
    """Return the text with one kind of line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _end_of_part(line: str, start: int) -> int:
    """Where a part of a long line ends: behind a space, else before any letter with its signs."""
    end = start + PART_CHARACTERS
    space = line.rfind(" ", start + PART_CHARACTERS // 2, end)
    if space >= 0:
        return space + 1
    signs = (at for at in range(end, start + PART_CHARACTERS // 2, -1) if not unicodedata.combining(line[at]))
    return next(signs, end)
