"""Measures what one piece of work costs in this process: its time, and its memory at the peak (Linux)."""

import gc
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import msgspec

from models.system.errors import StillroomError


class Outcome(msgspec.Struct, kw_only=True):
    """The end of a case. `error` is the class of what it raised, empty for none; `peak_bytes` is what the
    process took at most above what it had before."""

    name: str
    seconds: float
    peak_bytes: int
    error: str = ""
    typed: bool = True
    sentence: str = ""
    hint: str = ""

    @property
    def is_clean(self) -> bool:
        """Tell whether the sentence may be shown: typed, short, without what controls a terminal."""
        text = f"{self.sentence}{self.hint}"
        controls = any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text)
        return self.typed and not controls and len(text) < 1000


def measure(name: str, work: Callable[[], object]) -> Outcome:
    """Do `work` and tell what it took and how it ended."""
    gc.collect()
    _status("/proc/self", reset=True)
    before = _status("/proc/self")["VmRSS"]
    began_s = time.monotonic()
    outcome = Outcome(name=name, seconds=0, peak_bytes=0)
    try:
        work()
    except StillroomError as error:
        outcome.error, outcome.sentence, outcome.hint = type(error).__name__, str(error), error.hint_text()
    except Exception as error:  # noqa: BLE001 - what is untyped is what a test looks for
        outcome.error, outcome.typed, outcome.sentence = type(error).__name__, False, str(error)[:300]
    outcome.seconds = time.monotonic() - began_s
    outcome.peak_bytes = max(0, _status("/proc/self")["VmHWM"] - before)
    return outcome


def peak_of(pid: int, *, reset: bool = False) -> int:
    """The most memory that another process had, in bytes; from now on, with `reset`."""
    return _status(f"/proc/{pid}", reset=reset)["VmHWM"]


def table(title: str, outcomes: list[Outcome]) -> str:
    """Counts and the worst figures, for a test to print."""
    slowest = max(outcomes, key=lambda outcome: outcome.seconds)
    largest = max(outcomes, key=lambda outcome: outcome.peak_bytes)
    refused = sum(bool(outcome.error) for outcome in outcomes)
    return (
        f"{title}: {len(outcomes)} cases, {refused} refused, slowest {slowest.seconds:.2f} s "
        f"({slowest.name}), most memory {largest.peak_bytes >> 20} MB ({largest.name})"
    )


def _status(process: str, *, reset: bool = False) -> dict[str, int]:
    if reset:
        # https://docs.kernel.org/filesystems/proc.html: 5 sets the peak to the present size.
        Path(process, "clear_refs").write_text("5")
    lines = Path(process, "status").read_text().splitlines()
    return {line.partition(":")[0]: int(line.split()[1]) << 10 for line in lines if line.endswith(" kB")}
