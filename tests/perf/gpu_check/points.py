"""The figures of a check, each kept as soon as it is measured: a check that was ended goes on behind it."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.base.errors import StillroomError
from models.system.durable import write_durably

Figure = float | int | str | bool | None
Figures = dict[str, Figure]

FILE = "points.json"
COMMIT = "Stillroom"
IDENTITY = ("card", "back end", "stands in", "llama-cpp-python", "scale")
"""The facts that figures must share to stand in one report. What is mended between two calls on a card that
is lent costs none of those that are there: each keeps its commit."""
STAGE = "the stage"
"""The key of what kept a stage from its end."""


class OutOfTime(Exception):
    """There is no time left for another point; what was measured is kept."""


class AnotherComputerError(StillroomError):
    """The folder holds the figures of another card or another llama.cpp."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "{folder} holds the figures of another card, llama.cpp or scale.",
            "Name another folder (--report), or delete it.",
            folder=str(folder),
        )


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The `figures` of a stage at `key`, measured in `seconds`; `failure` says why there are none."""

    stage: str
    key: str
    seconds: float
    figures: Figures = {}
    failure: str = ""
    commit: str = ""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """`facts` say where and with what it was measured; points of other facts are none of these."""

    facts: dict[str, str]
    points: list[Point]
    finished: list[str] = []


class Points:
    """Measures, and keeps. `until_s` is the time (`time.monotonic`) after which no further point is begun."""

    def __init__(self, folder: Path, facts: dict[str, str], until_s: float) -> None:
        self._file = folder / FILE
        self._facts = facts
        self._until_s = until_s
        self._points: dict[tuple[str, str], Point] = {}
        self._finished: list[str] = []
        if self._file.exists():
            kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
            if any(kept.facts.get(name) != facts.get(name) for name in IDENTITY):
                raise AnotherComputerError(folder)
            # What failed is tried again.
            self._points = {(point.stage, point.key): point for point in kept.points if not point.failure}
            self._finished = kept.finished

    @property
    def facts(self) -> dict[str, str]:
        """The computer and the versions that the figures belong to."""
        return self._facts

    @property
    def is_over(self) -> bool:
        """Tell whether the time is over."""
        return time.monotonic() > self._until_s

    @property
    def finished(self) -> list[str]:
        """The stages that came to their end, also those that had nothing to measure with this card."""
        return self._finished

    def finish(self, stage: str) -> None:
        """Note that a stage came to its end."""
        if stage not in self._finished:
            self._finished.append(stage)
            self._keep()

    def of(self, stage: str) -> list[Point]:
        """The points of a stage, in the order in which they were measured."""
        return [point for point in self._points.values() if point.stage == stage]

    def figures(self, stage: str, key: str) -> Figures:
        """Return a point's figures; empty where there are none."""
        return self._points[stage, key].figures if (stage, key) in self._points else {}

    def has(self, stage: str, key: str) -> bool:
        """Tell whether the point was measured, now or in an earlier call."""
        return (stage, key) in self._points and not self._points[stage, key].failure

    def measure(self, stage: str, key: str, work: Callable[[], Figures]) -> Figures:
        """Return the kept figures, or let `work` measure them. What it raises is kept as the point's failure,
        and its figures are empty. Raises `OutOfTime`."""
        if self.has(stage, key):
            return self._points[stage, key].figures
        # As long as the longest of its stage may take, and what does not end in time is lost.
        longest_s = max((point.seconds for point in self.of(stage) if not point.failure), default=0.0)
        if time.monotonic() + longest_s > self._until_s:
            raise OutOfTime
        began_s = time.monotonic()
        figures: Figures = {}
        failure = ""
        try:
            figures = work()
        except Exception as error:  # noqa: BLE001 - one point that fails must not cost the others
            failure = f"{type(error).__name__}: {error}"
        point = Point(
            stage=stage,
            key=key,
            seconds=time.monotonic() - began_s,
            figures=figures,
            failure=failure,
            commit=self._facts.get(COMMIT, ""),
        )
        self._points[stage, key] = point
        print(f"  {stage}: {key}: {failure or _words(figures)} ({point.seconds:.1f} s)", flush=True)
        self._keep()
        return figures

    def fail(self, stage: str, error: Exception) -> None:
        """Note that a stage did not come to its end."""
        failure = f"{type(error).__name__}: {error}"
        self._points[stage, STAGE] = Point(stage=stage, key=STAGE, seconds=0.0, failure=failure)
        print(f"  {stage}: {failure}", flush=True)
        self._keep()

    def _keep(self) -> None:
        kept = _Kept(facts=self._facts, points=list(self._points.values()), finished=self._finished)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_durably(self._file, msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


def _words(figures: Figures) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in figures.items())


def shown(value: Figure) -> str:
    """Give a figure as a table shows it: three or four digits, whole numbers whole."""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
