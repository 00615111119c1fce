"""Texts from outside, made fit to stand in a sentence."""

import unicodedata

_OVERRIDES = frozenset(
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff"
)
"""What turns the direction of the text round it, separators of lines, a mark that cannot be seen."""


def shown(text: str, most: int = 80) -> str:
    """Return `text` as one line of at most `most` characters: what controls a terminal or the direction of
    writing becomes "·", a line break a space, and the middle of a long text "…".
    """
    if len(text) > most:
        # Before it is cleaned, as it may be of megabytes.
        front = (most - 1) // 2
        text = f"{text[:front]}…{text[len(text) - (most - 1 - front) :]}"
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\r\t\v\f\x85\u2028\u2029":
        return " "
    if character in _OVERRIDES or unicodedata.category(character) in ("Cc", "Cs", "Cn", "Co"):
        return "·"
    return character
