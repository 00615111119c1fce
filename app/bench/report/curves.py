"""The plots of a run as points; the window and the HTML report draw the same. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.bench.results.report import Measure, Report

Look = Literal["main", "before", "limit"]


SMALLEST = 1e-9
"""Less than this is nothing, for an axis that begins at zero."""
INTENSITIES = (1e-6, 1e9)
"""Operations for each byte that a roofline shows; beyond them nobody has measured anything."""
SPEEDS = (1.0, 1e24)
"""Operations a second that it shows."""


@dataclass(frozen=True, slots=True)
class Point:
    """A figure at `x`, with one deviation up and down, or the `interval` that holds it. `name` is the
    measure's key."""

    x: float
    y: float
    deviation: float = 0.0
    name: str = ""
    interval: tuple[float, float] | None = None

    @property
    def low(self) -> float:
        """The lower end of its bar."""
        return self.y - self.deviation if self.interval is None else self.interval[0]

    @property
    def high(self) -> float:
        """The upper end of its bar."""
        return self.y + self.deviation if self.interval is None else self.interval[1]


@dataclass(frozen=True, slots=True)
class Line:
    """Points that are joined (or not); "limit" has no dots. `labels` stand beside the points."""

    points: Sequence[Point]
    look: Look = "main"
    joined: bool = True
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Roofline:
    """The bounds of memory and processor, in operations a second, and the measured speeds.

    `points` are at their operations for each byte that is read; `bytes_per_s` is the slope of the memory's
    roof, `flop_per_s` the height of the processor's (0: not measured).
    """

    points: tuple[Point, ...]
    bytes_per_s: float
    flop_per_s: float
    landmarks: tuple[str, ...] = ()
    """Names of the points that are worth a label: the others lie close to them."""

    def roof(self, intensity: float) -> float:
        """The most operations a second at so many operations for each byte."""
        memory = self.bytes_per_s * intensity
        return min(memory, self.flop_per_s) if self.flop_per_s else memory

    def lines(self, name_of: Callable[[str], str]) -> list[Line]:
        """The roof, and the points under it, for logarithmic axes; `name_of` names a figure by its key."""
        lowest = min(point.x for point in self.points) / 3
        highest = max(point.x for point in self.points) * 3
        corner = self.flop_per_s / self.bytes_per_s if self.flop_per_s else highest
        ends = sorted({lowest, min(max(corner, lowest), highest), highest})
        labels = [name_of(point.name) if point.name in self.landmarks else "" for point in self.points]
        return [
            Line([Point(x, self.roof(x)) for x in ends], "limit"),
            Line(self.points, joined=False, labels=labels),
        ]


def generation_by_depth(report: Report) -> list[Point]:
    """Generation speed, by the tokens that are in the context before."""
    return sorted(
        (_point(measure, measure.depth_tokens) for measure in _generations(report)), key=lambda point: point.x
    )


def generation_limit(report: Report) -> list[Point]:
    """The same as memory and processor allow."""
    found = []
    for measure in _generations(report):
        limit = report.limit(measure.key)
        if limit is not None:
            found.append(Point(measure.depth_tokens, limit.allowed, name=measure.key))
    return sorted(found, key=lambda point: point.x)


def prompt_by_length(report: Report) -> list[Point]:
    """Prompt speed, by the length of the prompt."""
    prompts = [
        m for m in report.measures if m.key.startswith("pp") and m.prompt_tokens and not m.depth_tokens
    ]
    return sorted((_point(measure, measure.prompt_tokens) for measure in prompts), key=lambda point: point.x)


def speed_by_streams(report: Report) -> list[Point]:
    """Tokens per second of all replies at once, by their number."""
    together = [m for m in report.measures if m.key.startswith("tg") and "x" in m.key]
    return sorted((_point(measure, measure.streams) for measure in together), key=lambda point: point.x)


def roofline(report: Report) -> Roofline | None:
    """None where the run has no limits, or none for what it has measured."""
    if not report.limits or report.ceilings is None:
        return None
    points, slope = [], 0.0
    for limit in report.limits:
        measure = report.measure(limit.key)
        if measure is None or limit.bytes <= 0:
            continue
        point = Point(limit.flop / limit.bytes, measure.mean * limit.flop, name=limit.key)
        if not (_is_within(point.x, INTENSITIES) and _is_within(point.y, SPEEDS)):
            continue
        points.append(point)
        if limit.bound == "memory":
            slope = limit.allowed * limit.bytes
    slope = slope or report.ceilings.working_set_bytes_per_s
    if not points or not _is_within(slope, SPEEDS):
        return None
    streams = speed_by_streams(report)
    marks = [measure.key for measure in (report.generation, report.prompt) if measure is not None]
    marks += [streams[-1].name] if streams else []
    return Roofline(tuple(points), slope, max(0.0, report.ceilings.flop_per_s), tuple(marks))


def batching_gain(report: Report) -> float | None:
    """Return the speed of the most replies at once, all together, as a multiple of one reply's."""
    points = speed_by_streams(report)
    if len(points) < 2 or points[0].x != 1 or points[0].y < SMALLEST:
        return None
    return points[-1].y / points[0].y


def trend(reports: Sequence[Report], key: str) -> list[tuple[Report, Measure]]:
    """A figure through the runs that have it, oldest first."""
    found = []
    for report in sorted(reports, key=lambda run: run.started_at):
        measure = report.measure(key)
        if measure is not None:
            found.append((report, measure))
    return found


def _is_within(value: float, ends: tuple[float, float]) -> bool:
    return ends[0] <= value <= ends[1]


def _generations(report: Report) -> list[Measure]:
    alone = [m for m in report.measures if m.key.startswith("tg") and "x" not in m.key]
    lengths = {measure.generated_tokens for measure in alone if not measure.depth_tokens}
    return [measure for measure in alone if not lengths or measure.generated_tokens in lengths]


def _point(measure: Measure, x: float) -> Point:
    return Point(x, measure.mean, measure.sd or 0.0, measure.key)
