"""The progress of a running benchmark, as its observers get it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.bench.run.suite import StepKind


@dataclass(frozen=True, slots=True)
class BenchmarkProgress:
    """The progress of a run. `repeat` 0 is a warm-up, else 1 to `repeats`; "identify" reads the model file,
    "ceilings" measures the computer. `key` is the step's.

    `remaining_s` is what the suite has time for until every step has run once, here or in an earlier run of
    the same file; None in a suite that takes as long as it takes.
    """

    stage: Literal["identify", "ceilings"] | StepKind
    repeat: int
    repeats: int
    fraction: float
    remaining_s: float | None
    key: str = ""


OnBenchmarkProgress = Callable[[BenchmarkProgress], None]
