"""A changed text as hunks, each to be accepted or rejected by itself."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

LineKind = Literal["same", "removed", "added"]


@dataclass(frozen=True, slots=True)
class Hunk:
    """Neighbouring lines that change: `old_lines` from line `old_start` (from 0) on become `new_lines`."""

    old_start: int
    old_lines: tuple[str, ...]
    new_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProposedLine:
    """A line as it is shown while some hunks wait: `number` counts from 1 in the text with what was accepted,
    0 for a line that is only proposed; `hunk` is the waiting hunk it belongs to, -1 for none."""

    text: str
    kind: LineKind
    number: int
    hunk: int


class Proposal:
    """Decides about one change after the other. Not thread-safe; no Qt."""

    def __init__(self, old: str, new: str) -> None:
        self._old = old.split("\n")
        self.old = old
        self.hunks = _hunks(self._old, new.split("\n"))
        self._decisions: dict[int, bool] = {}

    @property
    def waiting(self) -> list[int]:
        """The hunks that nobody has decided about, in order."""
        return [number for number in range(len(self.hunks)) if number not in self._decisions]

    @property
    def accepted(self) -> int:
        """The number of hunks that were accepted."""
        return sum(self._decisions.values())

    @property
    def can_undo(self) -> bool:
        """Tell whether there is a decision to take back."""
        return bool(self._decisions)

    def decide(self, hunk: int, *, accept: bool) -> None:
        """Accept or reject a waiting hunk."""
        if hunk in self.waiting:
            self._decisions[hunk] = accept

    def decide_rest(self, *, accept: bool) -> None:
        """Accept or reject all that wait."""
        for hunk in self.waiting:
            self.decide(hunk, accept=accept)

    def undo(self) -> int:
        """Take the last decision back, and give its hunk; -1 when there is none."""
        return self._decisions.popitem()[0] if self._decisions else -1

    def text(self) -> str:
        """The text with the accepted hunks, and without the others."""
        return "\n".join(line.text for line in self.lines() if line.kind != "added")

    def lines(self) -> list[ProposedLine]:
        """List the lines to show: the text with accepted hunks, and each waiting hunk's old and new lines."""
        shown: list[ProposedLine] = []
        number = 0

        def add(text: str, kind: LineKind = "same", hunk: int = -1) -> None:
            nonlocal number
            number += kind != "added"
            shown.append(ProposedLine(text, kind, number if kind != "added" else 0, hunk))

        place = 0
        for index, hunk in enumerate(self.hunks):
            for text in self._old[place : hunk.old_start]:
                add(text)
            place = hunk.old_start + len(hunk.old_lines)
            decision = self._decisions.get(index)
            if decision is None:
                for text in hunk.old_lines:
                    add(text, "removed", index)
                for text in hunk.new_lines:
                    add(text, "added", index)
            else:
                for text in hunk.new_lines if decision else hunk.old_lines:
                    add(text)
        for text in self._old[place:]:
            add(text)
        return shown


def _hunks(old: list[str], new: list[str]) -> list[Hunk]:
    """List the differences; equal ends are cut off first, as the comparison is slow on long texts."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old_part, new_part = old[start : len(old) - end], new[start : len(new) - end]
    matcher = SequenceMatcher(None, old_part, new_part, autojunk=False)
    return [
        Hunk(start + first, tuple(old_part[first:last]), tuple(new_part[new_first:new_last]))
        for kind, first, last, new_first, new_last in matcher.get_opcodes()
        if kind != "equal"
    ]
