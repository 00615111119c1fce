"""A control group of Linux, in which the kernel itself holds a run to its memory.

It counts what no other number tells: page tables, buffers of pipes and sockets, inodes, locks, mappings.
Stillroom makes the group below or beside its own, where it may, and removes it; the sandbox process lets the
program start in it. https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html
"""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REMOVE_S = 1.0
"""The kernel takes a moment to forget processes that it has ended."""
_WHOLE_GROUP = "memory.oom.group"
_PREFIX = "stillroom-run-"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class _Files:
    """The names of a group's files: the limit, the one that swap comes under, what has happened, the peak."""

    limit: str
    swap: str
    events: str
    peak: str


_V2 = _Files("memory.max", "memory.swap.max", "memory.events", "memory.peak")
_V1 = _Files(
    "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control", "memory.max_usage_in_bytes"
)


class ControlGroup:
    """The group in `folder`, seen by the sandbox process. Raises OSError where that may not put anyone in."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._files = _V2 if (self._folder / _V2.limit).exists() else _V1
        # The right to put someone in goes by who opens it, and soon this process is nobody.
        self._entrance = os.open(self._folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    def enter(self) -> None:
        """Put this process, and all that it starts, in the group; raises OSError where it may not."""
        os.write(self._entrance, b"0")

    def is_used(self) -> bool:
        """Tell whether there is anyone in it."""
        return bool((self._folder / "cgroup.procs").read_bytes())

    def has_ended_someone(self) -> bool:
        """Tell whether the kernel has ended a process because the group's memory was used up."""
        words = (self._folder / self._files.events).read_text().split()
        return int(words[words.index("oom_kill") + 1]) > 0

    def peak_bytes(self) -> int:
        """The most that it has held, with files that it was the first to read; 0 where unknown."""
        try:
            return int((self._folder / self._files.peak).read_bytes())
        except OSError:  # Linux before 5.19
            return 0


@contextlib.contextmanager
def control_group(memory_bytes: int) -> Iterator[str]:
    """The folder of a new group with room for `memory_bytes`, or "" where this user may not make one."""
    folder = _make(memory_bytes)
    try:
        yield str(folder or "")
    finally:
        if folder is not None:
            _remove(folder)


def _make(memory_bytes: int) -> Path | None:
    for place, files in _places():
        folder = place / f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        try:
            _remove_left_behind(place)
            folder.mkdir()
        except OSError:
            continue
        swap = "0" if files is _V2 else str(memory_bytes)
        try:
            for name, value in ((files.limit, str(memory_bytes)), (files.swap, swap), (_WHOLE_GROUP, "1")):
                # Not every kernel counts swap, and only the second version ends a group as a whole.
                if name == files.limit or (folder / name).exists():
                    (folder / name).write_text(value)
            return folder
        except OSError:
            folder.rmdir()
    return None


def _places() -> Iterator[tuple[Path, _Files]]:
    """Groups that may hold a new one which counts memory: this process's own, then those above it."""
    own: dict[str, str] = {}
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            own.update(dict.fromkeys(controllers.split(","), path))
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except (OSError, ValueError):
        return
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        files = _V2 if kind == "cgroup2" else _V1
        group = own.get("" if files is _V2 else "memory")
        if group is None or not (files is _V2 or (kind == "cgroup" and "memory" in options.split(","))):
            continue
        if not Path(group).is_relative_to(root) or ".." in group:
            continue
        place = Path(point, Path(group).relative_to(root))
        for above in (place, *place.parents):
            if not above.is_relative_to(point):
                break
            if files is _V1 or _gives_memory(above):
                yield above, files


def _gives_memory(place: Path) -> bool:
    """Tell whether groups below `place` count memory; of those where nobody is in, root may ask for it."""
    try:
        control = place / "cgroup.subtree_control"
        if "memory" not in control.read_text().split() and os.geteuid() == 0:
            control.write_text("+memory")
        return "memory" in control.read_text().split()
    except OSError:
        return False


def _remove(folder: Path) -> None:
    """Remove a group; who is still in it, because the sandbox process was ended first, is ended here."""
    end_s = time.monotonic() + REMOVE_S
    while time.monotonic() < end_s:
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            _end_all_in(folder)
            time.sleep(0.005)


def _end_all_in(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_bytes().split():
            os.kill(int(pid), signal.SIGKILL)


def _remove_left_behind(place: Path) -> None:
    """Remove the groups of a Stillroom that was ended before it could."""
    for folder in place.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()
