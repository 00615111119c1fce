"""The damage that was found in a database and its recovery, in words for the user."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.base.errors import StillroomError

MOST_NAMED = 3
EXCERPT = 40


@dataclass(frozen=True, slots=True)
class DamageNotice:
    """One sentence: a template of the context "errors", and what fills it."""

    message: str
    values: dict[str, object]

    @property
    def sentence(self) -> str:
        """In English."""
        return self.message.format(**self.values)


@dataclass(frozen=True, slots=True)
class Recovery:
    """The recovery of a database that was found damaged: the user must be told."""

    notices: tuple[DamageNotice, ...]
    damaged: Path | None = None
    """The path of the damaged file; None where there was none left."""
    restored_from: datetime | None = None
    """The local time of the newest backup that rows were taken from; None where none was needed, or there."""


@dataclass(frozen=True, slots=True)
class DamagedRow:
    """A row that is not, or perhaps not, what was written. `older` is the time of the backup whose form of it
    stands there now; without it the row is `lost`, or there as far as it could be read."""

    name: StillroomError
    lost: bool = False
    older: datetime | None = None


def excerpt(text: object) -> str:
    """The beginning of a text that may be damaged, fit to be shown in a sentence."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in str(text)[: 4 * EXCERPT]).split())
    return shown if len(shown) <= EXCERPT else shown[:EXCERPT].rstrip() + "…"


def row_notices(file: str, rows: Sequence[DamagedRow]) -> list[DamageNotice]:
    """A sentence for each of the first rows, and one for the rest."""
    found = []
    for row in rows[:MOST_NAMED]:
        values: dict[str, object] = {"what": row.name, "file": file}
        if row.older is not None:
            values["time"] = time_text(row.older)
            found.append(
                DamageNotice(
                    "{what} was damaged; what the backup of {time} has of it is in its place.", values
                )
            )
        elif row.lost:
            found.append(DamageNotice("{what} was damaged and could not be saved.", values))
        else:
            found.append(DamageNotice("{what} was damaged: some of it may not be what was written.", values))
    if len(rows) > MOST_NAMED:
        found.append(
            DamageNotice(
                "So was more of {file} ({count}).",
                {"count": len(rows) - MOST_NAMED, "file": file},
            )
        )
    return found


def time_text(moment: datetime) -> str:
    """A backup's local time."""
    return moment.strftime("%Y-%m-%d %H:%M")
