"""A run under way: each result is on the disk before the next turn begins, so that a run that was ended, by
whom ever, goes on where it was."""

import logging
import sqlite3
import time
import uuid
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from app.base.errors import StillroomError
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import NotMeasured, Report, Sample
from app.bench.results.report_checks import LONGEST_NAME, check_numbers, check_reasons, check_report
from app.bench.results.run_database import bounded, decoded
from models.system.notices import tell

log = logging.getLogger(__name__)

T = TypeVar("T")

SO_FAR = "so_far"
"""The note that holds the report of what is measured."""

MOST_TURNS = 2000
"""Of a run: many times what a suite has."""
MOST_RECORD_BYTES = 1 << 14
"""Of a turn: a hundred figures fit."""

LONGEST_PAUSE_S = 24 * 3600.0
"""After a day a computer is not what it was: such a run begins anew."""


class TurnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a turn. `further` are those beside the main one, by their own keys."""

    sample: Sample
    prompt_tokens: int = 0
    generated_tokens: int = 0
    further: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that could go on: what it has of how many turns is for who knows the suite. `so_far` is what was
    measured, as far as it was told."""

    id: str
    began_s: float
    done: int
    interruptions: int
    so_far: Report | None = None


class RunJournal:
    """One run's results so far. `setting` is everything that the rest of it must be measured with, too:
    settings, versions, the computer. One thread."""

    def __init__(self, history: BenchmarkHistory, run_id: str, interruptions: int) -> None:
        self.run_id = run_id
        self.interruptions = interruptions
        self._history = history

    @classmethod
    def open(cls, history: BenchmarkHistory, suite: str, sha256: str, setting: str) -> "RunJournal":
        """The journal of the unfinished run of that suite, file and setting, or of a new one: also where the
        records of that run are not what one writes here, which the user is told."""
        found = unfinished_run(history, suite, sha256, setting)
        if found is not None:
            try:
                cls(history, found.id, found.interruptions).records()
            except ValueError as error:
                log.warning("an unfinished run is not gone on with: %s", error)
                tell(
                    StillroomError(
                        "What {file} holds of an unfinished benchmark run cannot be read: it begins anew.",
                        "Finished runs are not touched.",
                        file=history.path.name,
                    )
                )
                found = None
        with history.transaction() as db:
            if found is not None:
                db.execute(
                    "UPDATE unfinished SET interruptions = interruptions + 1 WHERE id = ?", (found.id,)
                )
                return cls(history, found.id, found.interruptions + 1)
            run_id = str(uuid.uuid4())
            db.execute("DELETE FROM unfinished WHERE suite = ? AND model_sha256 = ?", (suite, sha256))
            db.execute("DELETE FROM unfinished WHERE began_s < ?", (time.time() - LONGEST_PAUSE_S,))
            db.execute(
                "INSERT INTO unfinished (id, began_s, suite, model_sha256, setting) VALUES (?, ?, ?, ?, ?)",
                (run_id, time.time(), suite, sha256, setting),
            )
        return cls(history, run_id, 0)

    def records(self) -> dict[tuple[str, int], TurnRecord]:
        """Return what was measured, by step and repeat, in the order in which it was. Raises `ValueError`
        where something else stands there."""
        with self._history.transaction() as db:
            rows = db.execute(
                f"SELECT {bounded('step', LONGEST_NAME)}, repeat, {bounded('record', MOST_RECORD_BYTES)}"
                " FROM turns WHERE run_id = ? ORDER BY rowid LIMIT ?",
                (self.run_id, MOST_TURNS + 1),
            ).fetchall()
        if len(rows) > MOST_TURNS:
            raise ValueError("it has more turns than a run has")
        return dict(_turn(*row) for row in rows)

    def add(self, step: str, repeat: int, record: TurnRecord) -> None:
        """Keep a result; each turn has one, and a second one is an error of the program."""
        with self._history.transaction() as db:
            db.execute(
                "INSERT INTO turns (run_id, step, repeat, record) VALUES (?, ?, ?, ?)",
                (self.run_id, step, repeat, msgspec.json.encode(record).decode()),
            )

    def note(self, key: str, value: object) -> None:
        """Keep something that is found out once a run, such as what it leaves out."""
        with self._history.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO run_notes (run_id, key, note) VALUES (?, ?, ?)",
                (self.run_id, key, msgspec.json.encode(value).decode()),
            )

    def noted(self, key: str, kind: type[T]) -> T | None:
        """Return the note under that key; None where there is none that can be read."""
        with self._history.transaction() as db:
            row = db.execute(
                f"SELECT {bounded('note')} FROM run_notes WHERE run_id = ? AND key = ?", (self.run_id, key)
            ).fetchone()

        def read(data: bytes) -> T:
            value = decoded(data, kind)
            check_numbers(msgspec.to_builtins(value))
            if isinstance(value, Report):
                check_report(value)
            elif isinstance(value, list):
                check_reasons([item for item in value if isinstance(item, NotMeasured)])
            return value

        return None if row is None else self._history.usable(row[0], read)


def _turn(step: bytes | None, repeat: object, record: bytes | None) -> tuple[tuple[str, int], TurnRecord]:
    """Read a row of `turns`. Raises `ValueError`."""
    if step is None or record is None or not isinstance(repeat, int):
        raise ValueError("a turn of it is too large, or has no number")
    found = decoded(record, TurnRecord)
    check_numbers(msgspec.to_builtins(found))
    seconds, value = found.sample.duration_s, found.sample.value
    if min(seconds, value, found.prompt_tokens, found.generated_tokens, *found.further.values()) < 0:
        raise ValueError("it holds a negative speed or count")
    return (step.decode(), repeat), found


def unfinished_run(
    history: BenchmarkHistory, suite: str, sha256: str, setting: str | None = None
) -> Unfinished | None:
    """The unfinished run of that suite and file, of that setting where one is given."""
    with history.transaction() as db:
        row = _newest(db, suite, sha256, setting)
    if row is None:
        return None
    return Unfinished(*row, so_far=RunJournal(history, row[0], row[3]).noted(SO_FAR, Report))


def discard_unfinished(history: BenchmarkHistory, suite: str, sha256: str) -> None:
    """Forget what there is of such a run."""
    with history.transaction() as db:
        db.execute("DELETE FROM unfinished WHERE suite = ? AND model_sha256 = ?", (suite, sha256))


def _newest(
    db: sqlite3.Connection, suite: str, sha256: str, setting: str | None
) -> tuple[str, float, int, int] | None:
    row: tuple[str, float, int, int] | None = db.execute(
        "SELECT id, began_s, (SELECT count(*) FROM turns WHERE run_id = unfinished.id), interruptions"
        " FROM unfinished WHERE suite = ? AND model_sha256 = ? AND coalesce(?, setting) = setting"
        f" AND typeof(id) = 'text' AND length(id) <= {LONGEST_NAME} AND typeof(interruptions) = 'integer'"
        " AND typeof(began_s) = 'real' AND began_s > ? ORDER BY began_s DESC LIMIT 1",
        (suite, sha256, setting, time.time() - LONGEST_PAUSE_S),
    ).fetchone()
    return row
