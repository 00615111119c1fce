"""A chat's title, made from what was said and never from what was thought."""

import re

TITLE_CHARACTERS = 48


def title_from(text: str) -> str:
    """The first line of `text` that says something, without Markdown, cut at a word; else empty."""
    in_code = False
    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            in_code = not in_code
            continue
        words = " ".join(re.sub(r"^[\s#>*+-]+|[*_`]{1,3}|\\[()\[\]]", " ", line).split())
        if words and not in_code:
            return shortened(words, TITLE_CHARACTERS)
    return ""


def shortened(text: str, characters: int) -> str:
    """`text` on one line, cut at a word (or inside one that is long or of a script without spaces)."""
    text = " ".join(text.split())
    if len(text) <= characters:
        return text
    cut = text[: characters - 1]
    at_word = cut.rpartition(" ")[0]
    return (at_word if len(at_word) > characters // 2 else cut).rstrip(" ,;:.-") + "…"
