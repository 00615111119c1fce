"""The search index's form of a text, and its query for a user's words. Pure."""

import re
from itertools import pairwise

# Scripts without spaces between words: each character is a word of its own, and a word is a phrase of them.
_DENSE = "[\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
WORD_CHARACTER = re.compile(f"({_DENSE})")
_DENSE_RUN = re.compile(f"{_DENSE}{{2,}}")
_QUERY_PART = re.compile(r'"([^"]*)"?|(\S+)')
_WORD = re.compile(r"\w+")


def indexed(text: str) -> str:
    """`text` as it goes into the index: FTS5 splits it at its spaces."""
    return WORD_CHARACTER.sub(r" \1 ", text)


def match_expression(query: str) -> str:
    """The FTS5 expression for what was typed: all words, the last one as a beginning, "…" as it stands.

    Empty where nothing in it can be looked for. https://www.sqlite.org/fts5.html#full_text_query_syntax
    """
    phrases: list[str] = []
    parts = list(_QUERY_PART.finditer(query))
    for part in parts:
        words = _WORD.findall(indexed(part[1] if part[1] is not None else part[2]))
        if not words:
            continue
        # A part such as "one-two" is two words in the index, which must stand together.
        phrase = '"' + " ".join(words) + '"'
        is_typed = part is parts[-1] and part[1] is None and not query[-1:].isspace()
        phrases.append(phrase + "*" if is_typed and not WORD_CHARACTER.match(words[-1]) else phrase)
    return " AND ".join(phrases)


def pairs_of(text: str) -> list[str]:
    """Neighbouring characters of scripts without spaces, as phrases of the index: most words have two."""
    runs = [match[0] for match in _DENSE_RUN.finditer(text)]
    return [f"{one} {next_}" for run in runs for one, next_ in pairwise(run)]
