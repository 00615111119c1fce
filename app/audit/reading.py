"""Reads the audit log for people: the newest lines first, those that hold what is searched for."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.audit.chained_line import parsed
from app.audit.folder import AuditFolder

MOST_LINES = 5_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A line that can be read, and where it lies (`line` counts from 1)."""

    fields: dict[str, Any]
    file: str
    line: int

    def text(self, name: str) -> str:
        """A field as text; empty where there is none."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def values(self) -> Iterator[str]:
        """All values, as text."""
        return _values(self.fields)

    def holds(self, words: list[str]) -> bool:
        """Every one of these casefolded words is in one of its values."""
        if not words:
            return True
        everything = "\n".join(self.values()).casefold()
        return all(word in everything for word in words)


def newest_entries(
    path: Path, *, search: str = "", source: str = "", most: int = MOST_LINES
) -> list[AuditEntry]:
    """The newest lines of a log that fit, newest first. Raises `OSError`; not for the GUI thread."""
    folder = AuditFolder(path)
    words = search.casefold().split()
    found: list[AuditEntry] = []
    for file in reversed(folder.files()):
        entries = []
        for raw in folder.lines([file]):
            fields = parsed(raw.data)
            if fields is None or (source and fields.get("source") != source):
                continue
            entry = AuditEntry(fields, file.name, raw.number)
            if entry.holds(words):
                entries.append(entry)
        found += reversed(entries)
        if len(found) >= most:
            break
    return found[:most]


def _values(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    else:
        yield str(value)
