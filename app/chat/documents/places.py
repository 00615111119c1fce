"""Where a passage stands in its document: on which page, below which heading. Pure.

Each look-up costs a few searches through the text in front of the passage, a millisecond a megabyte.
"""

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath

from app.chat.documents.retrieval import Passage

PAGE_END = "\f"
"""Between the pages of a document's text."""
LONGEST_HEADING = 120
MOST_TRIES = 40
"""So many lines that are no headings, such as comments of code, are passed over on the way to one."""
_HEADED = ("", ".md", ".markdown", ".mdx", ".txt", ".docx", ".pdf", ".rst", ".adoc")
"""Kinds of document in which a line with "#" in front is a heading; in code it is a comment."""
_HEADING = re.compile(r"#{1,6}[ \t]+(\S[^\n\f]*)")
_LINE_OF_HASH = re.compile(r"^#|(?<=\f)#", re.MULTILINE)
_HEADING_LINE = re.compile(r"\s*#{1,6}[ \t][^\n]*")
_FENCE = "\n```"


@dataclass(frozen=True, slots=True)
class Place:
    """The first and last page, 0 where the document has none that are known, and the heading above."""

    page: int = 0
    last_page: int = 0
    heading: str = ""


def place_of(name: str, text: str, passage: Passage) -> Place:
    """Return where a passage of the document `name` stands."""
    piece = text[passage.start : passage.end]
    first = passage.start + len(piece) - len(piece.lstrip())
    last = max(first, passage.start + len(piece.rstrip()) - 1)
    page = last_page = 0
    if PAGE_END in text:
        page = text.count(PAGE_END, 0, first) + 1
        last_page = page + text.count(PAGE_END, first, last)
    heading = ""
    if PurePath(name).suffix.lower() in _HEADED:
        heading = _heading_above(text, first) or _heading_within(text, first, last)
    return Place(page, last_page, heading)


def without_heading(piece: str) -> str:
    """Return the words of a passage without the heading that they begin with."""
    return _HEADING_LINE.sub("", piece, count=1) if _HEADING_LINE.match(piece) else piece


def _heading_above(text: str, first: int) -> str:
    at = _line_of_hash(text, first + 1)
    for _ in range(MOST_TRIES):
        if at < 0:
            break
        found = _HEADING.match(text, at)
        if found is not None and not _is_fenced(text, at):
            return _words(found)
        at = _line_of_hash(text, at)
    return ""


def _heading_within(text: str, first: int, last: int) -> str:
    for line in islice(_LINE_OF_HASH.finditer(text, first, last + 1), MOST_TRIES):
        found = _HEADING.match(text, line.start())
        if found is not None and not _is_fenced(text, line.start()):
            return _words(found)
    return ""


def _line_of_hash(text: str, end: int) -> int:
    """Return the start of the last line before `end` that begins with "#"; -1 where there is none."""
    # A page may begin with one, too.
    found = max(text.rfind("\n#", 0, end), text.rfind(f"{PAGE_END}#", 0, end))
    if found >= 0:
        return found + 1
    return 0 if end > 0 and text.startswith("#") else -1


def _is_fenced(text: str, at: int) -> bool:
    """Tell whether a line stands between code fences."""
    return (text.count(_FENCE, 0, at) + text.startswith(_FENCE[1:])) % 2 == 1


def _words(found: re.Match[str]) -> str:
    return " ".join(found[1].rstrip("# \t").split())[:LONGEST_HEADING]
