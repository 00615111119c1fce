"""Puts all that a request holds through the rules at once: for the window, the commands and the API."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.filters.filter_file import FilterFile
from app.filters.rule import Action
from app.filters.verdict import Hit, Verdict


@dataclass(frozen=True, slots=True)
class Screened:
    """The texts that may be sent in the place of those that were given, and what the rules found in them."""

    texts: tuple[str, ...]
    hits_of: tuple[tuple[Hit, ...], ...] = ()
    """For each text; empty where no rule is on."""

    @property
    def hits(self) -> tuple[Hit, ...]:
        """All that was found."""
        return tuple(hit for hits in self.hits_of for hit in hits)

    @property
    def newest(self) -> "Screened":
        """The last text alone: a conversation's newest message."""
        return Screened(self.texts[-1:], self.hits_of[-1:])

    def found(self, action: Action) -> dict[str, int]:
        """The rules of an action that found something, with how often, in their order."""
        counts: Counter[str] = Counter()
        for hit in self.hits:
            if hit.action == action:
                counts[hit.rule] += hit.count
        return dict(counts)


def screen(filters: FilterFile, texts: Sequence[str]) -> Screened:
    """Return what may be sent of `texts`. Raises `BlockedError` for the first that may not go out, and
    `FilterFileError`; not for the GUI thread."""
    if filters.is_idle():
        return Screened(tuple(texts))
    verdicts: list[Verdict] = []
    for text in texts:
        verdict = filters.check(text)
        verdicts.append(verdict)
        if verdict.blocked_by is not None:
            raise verdict.refusal(tuple(hit for each in verdicts for hit in each.hits))
    return Screened(tuple(verdict.text for verdict in verdicts), tuple(verdict.hits for verdict in verdicts))
