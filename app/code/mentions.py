"""Files that a question names with `@`, whose texts go along with it."""

import re
from dataclasses import dataclass

from app.code.languages import Language

MOST_FILES = 20
"""Of one question; more are not looked for."""

_MENTION = re.compile(r"(?<![A-Za-z0-9_@.])@(?:\"([^\"\n]+)\"|([^\s\"@]+))")
_TYPED = re.compile(r"(?<![A-Za-z0-9_@.])@(?:\"([^\"\n]*)|([^\s\"@]*))\Z")
_LATIN = re.compile(r"[!-~]+")
_AFTER_A_NAME = ".,;:!?)]}'’”»。，；：！？）】》」"


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that goes along with a question: what it is called there, and its text as it is now."""

    name: str
    language: Language
    text: str


def mentions(words: str) -> list[tuple[str, ...]]:
    """List what `words` names, each once: the name as it stands there, and without what may be a sentence's
    punctuation behind it."""
    found: dict[tuple[str, ...], None] = {}
    for match in _MENTION.finditer(words):
        quoted, plain = match.groups()
        names = (quoted,) if quoted else _readings(plain)
        if names:
            found[names] = None
    return list(found)[:MOST_FILES]


def typed_mention(before: str) -> tuple[int, str] | None:
    """Return where the name begins that is being typed at the end of `before` (at its `@`), and what there
    is of it; None where none is."""
    match = _TYPED.search(before)
    return (match.start(), match[1] or match[2] or "") if match else None


def written_mention(name: str) -> str:
    """Write a name so that `mentions` finds it."""
    plain = _MENTION.fullmatch(f"@{name}")
    return f"@{name}" if plain and plain[2] == name and _readings(name)[0] == name else f'@"{name}"'


def _readings(name: str) -> tuple[str, ...]:
    # Chinese goes on without a blank.
    latin = _LATIN.match(name)
    readings = (name, name.rstrip(_AFTER_A_NAME), latin[0].rstrip(_AFTER_A_NAME) if latin else "")
    return tuple(each for each in dict.fromkeys(readings) if each)
