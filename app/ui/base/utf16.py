"""Places in a text: Qt counts UTF-16 units, Python characters."""

import re

_WIDE = re.compile("[\U00010000-\U0010ffff]")


def utf16_length(text: str) -> int:
    """Count the units of a text as Qt does."""
    return len(text) + (0 if text.isascii() else len(_WIDE.findall(text)))


def characters(text: str, units: int) -> int:
    """How many characters of a text lie before a place that Qt counts."""
    if not _WIDE.search(text, 0, units):
        return min(units, len(text))
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "surrogatepass"))
