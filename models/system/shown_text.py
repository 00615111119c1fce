"""Make what comes from outside fit to be shown: names, keys, messages of files, hubs and servers."""

import re
import unicodedata
from collections.abc import Mapping

MOST_OF_A_VALUE = 400
"""Characters of one value in a sentence: a long path fits."""

_NO_AMOUNTS = frozenset(("port", "code", "status", "token", "id", "seed"))
"""Fields whose numbers are names."""
_LINE_ENDS = "\t\n\v\f\r\x85"
# Control, format (direction, zero width, tags), surrogate, private and unassigned characters.
_HIDDEN_KINDS = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))
# Of other kinds, and invisible all the same: joiners and fillers, variation selectors beyond those of emoji.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\U000e0100-\U000e01ef]")


def shown(text: str, most: int = 80) -> str:
    """Return `text` as one line of at most `most` characters.

    Blanks, tabs and ends of lines become spaces, what else cannot be seen or turns a terminal or the
    direction of reading becomes "·", and the middle of what is too long "…".
    """
    if len(text) > most:
        # Cut first: it may be of megabytes.
        front = (most - 1) // 2
        text = f"{text[:front]}…{text[len(text) - (most - 1 - front) :]}"
    if text.isprintable() and not _BLANK.search(text):
        return text
    return "".join(map(_visible, text))


def fill(template: str, values: Mapping[str, object]) -> str:
    """Fill a template's fields; without values it stays as it is.

    What is no number is made fit to be shown, and amounts are written with a comma at the thousands.
    """
    if not values:
        return template
    return template.format(**{name: _value(name, value) for name, value in values.items()})


def _value(name: str, value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and name not in _NO_AMOUNTS:
        return _Amount(value)
    return value if isinstance(value, int | float) else shown(str(value), MOST_OF_A_VALUE)


class _Amount(int):
    """A whole number that is read more easily in groups of three digits."""

    def __format__(self, form: str) -> str:
        return int.__format__(self, form or ",")


def _visible(character: str) -> str:
    kind = unicodedata.category(character)
    if kind in ("Zs", "Zl", "Zp") or character in _LINE_ENDS:
        return " "
    if kind in _HIDDEN_KINDS or _BLANK.match(character):
        return "·"
    return character
