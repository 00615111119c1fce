"""Tell whether a process that was killed was killed because memory was short."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

LOOKS = 20
"""With a look each half second these are the last ten seconds: a machine without memory is slow."""

SHORT_FRACTION = 0.1
"""With less of the memory free earlyoom ends processes; systemd-oomd and the kernel wait longer."""

_VMSTAT = Path("/proc/vmstat")
_KERNEL_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MemoryLook:
    """The computer's memory at one moment: how much of it was free, and how many processes the kernel had
    ended for want of it, in any control group (None where it does not tell)."""

    free_fraction: float
    kernel_kills: int | None


def look_at_memory() -> MemoryLook:
    """Look now, on any thread."""
    memory = psutil.virtual_memory()
    try:
        found = _KERNEL_KILLS.search(_VMSTAT.read_text(encoding="ascii"))
    except OSError:
        found = None
    return MemoryLook(memory.available / memory.total, int(found[1]) if found is not None else None)


class MemoryShortage:
    """Remembers the memory of the last seconds; one thread at a time."""

    def __init__(self, look: Callable[[], MemoryLook] | None = None) -> None:
        self._look = look or look_at_memory
        self._looks: deque[MemoryLook] = deque(maxlen=LOOKS)
        self.note()

    def note(self) -> None:
        """Look once more."""
        self._looks.append(self._look())

    def was_short(self) -> bool:
        """Tell whether memory was short in the last seconds, or nobody can say."""
        self.note()
        kills = [each.kernel_kills for each in self._looks]
        return (
            None in kills
            or len(set(kills)) > 1
            or min(each.free_fraction for each in self._looks) < SHORT_FRACTION
        )
