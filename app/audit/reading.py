"""Reads the audit log for people: the newest lines first, those that hold what is searched for."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.audit.chained_line import parsed
from app.audit.folder import AuditFolder

MOST_LINES = 5_000
BRIEF_CHARACTERS = 4_000
"""Of the texts of a brief entry: a window can search in `MOST_LINES` such while somebody types."""
SHORT_CHARACTERS = 200
"""A field of this length is kept in any case."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A line that can be read, and where it lies (`line` counts from 1). A brief one is without the last
    `left_out` characters of its texts."""

    fields: dict[str, Any]
    file: str
    line: int
    left_out: int = 0

    def text(self, name: str) -> str:
        """A field as text; empty where there is none."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def values(self) -> Iterator[str]:
        """All values, as text."""
        return all_values(self.fields)

    def holds(self, words: list[str]) -> bool:
        """Every one of these casefolded words is in one of its values."""
        if not words:
            return True
        everything = "\n".join(self.values()).casefold()
        return all(word in everything for word in words)

    def brief(self) -> "AuditEntry":
        """The same with the first `BRIEF_CHARACTERS` of its long texts."""
        cutter = Cutter(BRIEF_CHARACTERS)
        fields = cutter.cut(self.fields)
        return replace(self, fields=fields, left_out=cutter.left_out) if cutter.left_out else self


def newest_entries(
    path: Path, *, search: str = "", source: str = "", most: int = MOST_LINES, brief: bool = False
) -> list[AuditEntry]:
    """The newest lines of a log that fit, newest first; `brief` ones are short enough for a window. Raises
    `OSError`; not for the GUI thread."""
    folder = AuditFolder(path)
    words = search.casefold().split()
    found: list[AuditEntry] = []
    for file in reversed(folder.files()):
        entries: deque[AuditEntry] = deque(maxlen=most - len(found))
        for raw in folder.lines([file]):
            fields = None if raw.is_too_long else parsed(raw.data)
            if fields is None or (source and fields.get("source") != source):
                continue
            entry = AuditEntry(fields, file.name, raw.number)
            if entry.holds(words):
                entries.append(entry.brief() if brief else entry)
        found += reversed(entries)
        if len(found) >= most:
            break
    return found


class Cutter:
    """Copies values until a number of characters is used up. Short ones that have a name stay."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.left_out = 0

    def cut(self, value: Any) -> Any:
        """The value, with what has no room left out."""
        if isinstance(value, dict):
            return {name: self.cut(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.cut(inner) for inner in value if self._takes(inner)]
        if not isinstance(value, str) or len(value) <= SHORT_CHARACTERS:
            return value
        kept = value[: max(self._room, 0)]
        self._room -= len(kept)
        self.left_out += len(value) - len(kept)
        return kept

    def _takes(self, item: Any) -> bool:
        characters = sum(map(len, all_values(item)))
        if self._room <= 0:
            self.left_out += characters
            return False
        if characters <= SHORT_CHARACTERS:
            self._room -= characters + 1
        return True


def all_values(value: object) -> Iterator[str]:
    """All values in dictionaries and lists, as text."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from all_values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from all_values(inner)
    else:
        yield str(value)
