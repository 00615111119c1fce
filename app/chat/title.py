"""A chat's title from what was asked, and how titles are cut; `answer_title.py` makes one of the answer."""

import re
import unicodedata

TITLE_COLUMNS = 60
"""The most columns of a title; a Chinese character takes two."""

_CLAUSE_ENDS = "，、；：。！？"


def title_from(text: str) -> str:
    """The first line of `text` that says something, without Markdown, cut as `cut_title` does; else empty."""
    in_code = False
    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            in_code = not in_code
            continue
        words = " ".join(re.sub(r"^[\s#>*+-]+|[*_`]{1,3}|\\[()\[\]]", " ", line).split())
        if words and not in_code:
            return cut_title(words)
    return ""


def cut_title(text: str) -> str:
    """`text`, cut at a word or at Chinese punctuation where it takes more than `TITLE_COLUMNS`."""
    if columns_of(text) <= TITLE_COLUMNS:
        return text
    end, room = 0, TITLE_COLUMNS - 1
    while (room := room - columns_of(text[end])) >= 0:
        end += 1
    cut = text[:end]
    at_word = end if text[end] == " " else cut.rfind(" ")
    at_clause = max(cut.rfind(mark) for mark in _CLAUSE_ENDS)
    best = max(at_word, at_clause)
    return (cut[:best] if best > end // 2 else cut).rstrip(" ,;:.-" + _CLAUSE_ENDS) + "…"


def columns_of(text: str) -> int:
    """Count the columns of `text` in a font of fixed width."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def shortened(text: str, characters: int) -> str:
    """`text` on one line, cut at a word (or inside one that is long or of a script without spaces)."""
    text = " ".join(text.split())
    if len(text) <= characters:
        return text
    cut = text[: characters - 1]
    at_word = cut.rpartition(" ")[0]
    return (at_word if len(at_word) > characters // 2 else cut).rstrip(" ,;:.-") + "…"
