"""The progress of a running benchmark, as its observers get it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.bench.results.report import Report
from app.bench.run.suite import StepKind


@dataclass(frozen=True, slots=True)
class BenchmarkProgress:
    """The progress of a run. `repeat` 0 is a warm-up, else 1 to `repeats`; "identify" reads the model file,
    "ceilings" measures the computer. `key` is the step's.

    `remaining_s` is what the suite has time for until every step has run once, here or in an earlier run of
    the same file; None in a suite that takes as long as it takes.

    `so_far` holds what is measured, after each turn that has added to it; the next turn begins when its
    observer returns, so that what that one does with it is not in any figure.
    """

    stage: Literal["identify", "ceilings"] | StepKind
    repeat: int
    repeats: int
    fraction: float
    remaining_s: float | None
    key: str = ""
    so_far: Report | None = None


OnBenchmarkProgress = Callable[[BenchmarkProgress], None]
