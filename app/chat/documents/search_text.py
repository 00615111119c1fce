"""The search index's form of a text, and its query for a user's words. Pure."""

import re

# Scripts without spaces between words: each character is a word of its own, and a word is a phrase of them.
_WORD_CHARACTER = re.compile(
    "([\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
_QUERY_PART = re.compile(r'"([^"]*)"?|(\S+)')
_WORD = re.compile(r"\w+")


def indexed(text: str) -> str:
    """`text` as it goes into the index: FTS5 splits it at its spaces."""
    return _WORD_CHARACTER.sub(r" \1 ", text)


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
        phrases.append(phrase + "*" if is_typed and not _WORD_CHARACTER.match(words[-1]) else phrase)
    return " AND ".join(phrases)
