"""The most that the kernel can keep for processes where nothing else shows it (Linux).

Its memory shows only in sums of the whole machine, which other programs change as well. So of what those
grow by, a run is counted no more than its own things can take: mappings, threads, open files, entries of
event lists, locks. Each counts generously, which costs a program that has few of them nothing.
"""

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
MAPPING_BYTES = 1 * KIB
ENTRY_BYTES = KIB // 2
"""Of an event list, and of a lock."""
FILE_BYTES = 4 * KIB
THREAD_BYTES = 64 * KIB
SIGNALS_BYTES = 2048 * KIB
"""Timers and signals that wait, whose number is limited for the whole run."""
_PIECE_BYTES = 1 << 20
_WITHOUT_FILE = b" /dev/zero (deleted)\n"
"""The name of shared memory that belongs to no file."""


@dataclass(frozen=True, slots=True)
class KernelObjects:
    """The most that the kernel keeps for processes: infinite where they hide something. `has_shared_memory`:
    some of it belongs to no file, and may have pages that nobody has mapped."""

    most_bytes: float
    has_shared_memory: bool


class KernelObjectCount:
    """Counts what the processes of one run have."""

    def __init__(self) -> None:
        self._longest_list_bytes = 0

    def of(self, places: list[str]) -> KernelObjects:
        """Count for the processes in these folders of /proc, which stand still."""
        most_bytes: float = SIGNALS_BYTES + _lines("/proc/locks") * ENTRY_BYTES
        has_shared_memory = False
        for place in places:
            try:
                mappings, is_shared = _mappings(place)
                most_bytes += mappings * MAPPING_BYTES + self._open_files_bytes(place)
            except PermissionError:
                return KernelObjects(math.inf, has_shared_memory=True)
            except OSError:  # it has ended
                continue
            has_shared_memory |= is_shared
            most_bytes += _threads(place) * THREAD_BYTES
        return KernelObjects(most_bytes, has_shared_memory)

    def _open_files_bytes(self, place: str) -> float:
        total: float = 0
        kernel_files = 0
        for info in Path(place, "fdinfo").iterdir():
            with contextlib.suppress(FileNotFoundError):
                told = info.read_bytes()
                kernel_files += str(Path(place, "fd", info.name).readlink()).startswith("/proc/")
                entries = told.count(b"\ntfd:")
                if entries:
                    self._longest_list_bytes = max(self._longest_list_bytes, len(told))
                total += FILE_BYTES + entries * ENTRY_BYTES
                if has_files_in_flight(told):
                    return math.inf
        # One that was read keeps its text; that of an event list is the only long one.
        return total + kernel_files * (THREAD_BYTES + 2 * self._longest_list_bytes)


def has_files_in_flight(told: bytes) -> bool:
    """Tell whether a socket, by its fdinfo, holds open files that somebody sent and nobody has received."""
    _, found, count = told.partition(b"\nscm_fds:")
    return bool(found) and int(count.split()[0]) > 0


def _mappings(place: str) -> tuple[int, bool]:
    count, is_shared = 0, False
    with Path(f"{place}/maps").open("rb", buffering=0) as maps:
        rest = b""
        while piece := maps.read(_PIECE_BYTES):
            count += piece.count(b"\n")
            is_shared |= _WITHOUT_FILE in rest + piece
            rest = piece[-len(_WITHOUT_FILE) :]
    return count, is_shared


def _lines(path: str) -> int:
    with contextlib.suppress(OSError):
        return Path(path).read_bytes().count(b"\n")
    return 0


def _threads(place: str) -> int:
    """Of the process of a thread, where `place` is a thread's."""
    for folder in (Path(place, "task"), Path(place).parent):
        with contextlib.suppress(OSError):
            return len(list(folder.iterdir()))
    return 0
