"""The state of the Benchmark tab, kept while another language makes another window."""

from dataclasses import dataclass

from app.bench.results.report import Report


@dataclass(frozen=True, slots=True)
class SpeedState:
    """The chosen suite, the run that is shown and those that are compared, the first one first. `follows`:
    a run that goes on is shown as it grows. `stopped`: what a run had measured until it was stopped, where
    that is shown."""

    suite: str = ""
    shown: str = ""
    compared: tuple[str, ...] = ()
    follows: bool = True
    stopped: Report | None = None


@dataclass(frozen=True, slots=True)
class QualityState:
    """The numbers of questions by data set, the run that is shown and those that are compared. `follows`: a
    run that goes on is shown as it grows."""

    size: int = 0
    data: tuple[str, ...] = ()
    shown: str = ""
    compared: tuple[str, ...] = ()
    follows: bool = True


@dataclass(frozen=True, slots=True)
class BenchmarkState:
    """The page in front, and what is on them; None of one that was never seen."""

    page: str = "speed"
    speed: SpeedState = SpeedState()
    quality: QualityState | None = None
