"""The memory that a run takes, counted from outside where no control group does it (Linux).

The kernel tells what a process has mapped, and its page tables. What lies in a pipe or socket it does not
tell, so each counts as full. All else that it keeps for programs (mappings, locks, event lists, shared memory
that nobody has mapped) shows only in sums of the whole machine. What they grow by counts as the run's, as far
as its own things can take it (`kernel_objects.py`): others use the machine too.
"""

import contextlib
import stat
from pathlib import Path

from app.code.sandbox import kernel
from app.code.sandbox.filesystem_view import OPEN_FILES
from app.code.sandbox.kernel_objects import KernelObjectCount
from app.code.sandbox.process_status import KIB, Process, process, sizes

PIPE_BYTES = 72 * KIB
"""16 pages, and two that it keeps for later. (`F_SETPIPE_SZ` is refused.)"""
SMALL_BYTES = 1024 * KIB
"""Nobody asks whose it is."""
_SHARED = "Shmem"
_KERNEL = ("SUnreclaim", "VmallocUsed")
"""Of /proc/meminfo: shared memory; what the kernel cannot give back; its larger tables and stacks."""


class MemoryUse:
    """Counts from the moment that it is made. `own_network`: the run has its sockets for itself."""

    def __init__(self, limit_bytes: int, *, own_network: bool) -> None:
        self._limit_bytes = limit_bytes
        self._own_network = own_network
        self._objects = KernelObjectCount()
        self._before = _machine()
        self._socket_bytes = _socket_bytes()

    def bytes_of(self, pids: list[int], files_bytes: int) -> int:
        """All memory of `pids`, with `files_bytes` that they have in files in memory."""
        told = [process(pid) for pid in pids]
        kernels, shared_bytes = self._unseen(told, files_bytes)
        tables = sum(_tables(one.words) for one in told)
        rest = kernels + self._channels(told) + tables
        # Pages of the system's files are not: the kernel gives them back when somebody needs the room.
        own = [one.words.get(b"RssAnon", 0) + one.words.get(b"VmSwap", 0) for one in told]
        shared = sum(one.words.get(b"RssShmem", 0) for one in told)
        most = rest + sum(own) + max(shared, shared_bytes)
        least = rest + max(own, default=0) + shared_bytes
        if least > self._limit_bytes or most <= self._limit_bytes:
            return most
        # What processes share counted for each of them, and that decides.
        parts = _shares(told)
        shared = sum(words.get(b"Pss_Shmem", words.get(b"RssShmem", 0)) for words in parts)
        anonymous = sum(words.get(b"Pss_Anon", words.get(b"RssAnon", 0)) for words in parts)
        anonymous += sum(words.get(b"SwapPss", words.get(b"VmSwap", 0)) for words in parts)
        return rest + anonymous + max(shared, shared_bytes)

    def _unseen(self, told: list[Process], files_bytes: int) -> tuple[int, int]:
        """The run's part of what the kernel keeps besides, and of shared memory, with `files_bytes`."""
        now = _machine()
        # What others give back is not room for the run.
        self._before = {name: min(value, now[name]) for name, value in self._before.items()}
        grown = {name: now[name] - self._before[name] for name in now}
        kernels, shared_bytes = sum(grown[name] for name in _KERNEL), grown[_SHARED]
        if kernels <= SMALL_BYTES and shared_bytes <= files_bytes + SMALL_BYTES:
            return kernels, files_bytes
        objects = self._objects.of([one.place for one in told if one.has_memory])
        if not objects.has_shared_memory:
            shared_bytes = files_bytes
        return int(min(kernels, objects.most_bytes)), max(files_bytes, shared_bytes - SMALL_BYTES)

    def _channels(self, told: list[Process]) -> int:
        """Pipes and sockets, as if they were full; few pipes are not looked for."""
        sockets = _sockets_of_network(told) if self._own_network else 0
        open_files = sum(one.open_files(OPEN_FILES) for one in told)
        if open_files * max(PIPE_BYTES, self._socket_bytes) < self._limit_bytes // 16:
            return sockets * self._socket_bytes
        pipes, held_sockets, hidden = set(), set(), 0
        for one in told:
            try:
                for found in one.stats_of_files():
                    if stat.S_ISFIFO(found.st_mode):
                        pipes.add((found.st_dev, found.st_ino))
                    elif stat.S_ISSOCK(found.st_mode):
                        held_sockets.add(found.st_ino)
            except PermissionError:
                hidden += OPEN_FILES if one.has_memory else 0
        held = len(held_sockets) + (0 if self._own_network else hidden)
        return (len(pipes) + hidden) * PIPE_BYTES + max(sockets, held) * self._socket_bytes


def _machine() -> dict[str, int]:
    """/proc/meminfo in bytes."""
    found = dict.fromkeys((_SHARED, *_KERNEL), 0)
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_bytes().decode().splitlines():
            name, _, value = line.partition(":")
            if name in found:
                found[name] = int(value.split()[0]) * KIB
    return found


def _socket_bytes() -> int:
    """The most that waits of one socket's sending: its buffer, and one message of up to half of it more."""
    try:
        return int(Path("/proc/sys/net/core/wmem_default").read_bytes()) * 3 // 2
    except (OSError, ValueError):
        return 320 * KIB


def _tables(status: dict[bytes, int]) -> int:
    return status.get(b"VmPTE", 0) + status.get(b"HugetlbPages", 0)


def _shares(told: list[Process]) -> list[dict[bytes, int]]:
    """The sizes of processes with their shares of what several have; of those with the same memory only one.

    A child has its parent's until it runs another program, where it was started so that nothing is copied
    (vfork, posix_spawn), and each would tell all of it. Where the first thread has ended, or the kernel is
    old, there are no shares.
    """
    found: dict[int, dict[bytes, int]] = {}
    for one in told:
        pid, words = one.pid, one.words
        alike = [known for known, its in found.items() if its.get(b"VmSize") == words.get(b"VmSize")]
        # Asked first: it may run its own program meanwhile, and then has its own.
        is_shared = any(kernel.share_memory(pid, known) for known in alike)
        shares = sizes(f"/proc/{pid}/smaps_rollup")
        if not (is_shared and shares):
            found[pid] = words | shares
    return list(found.values())


def _sockets_of_network(told: list[Process]) -> int:
    """The local sockets of the run's network: those in flight or not yet accepted as well."""
    for one in told:
        with contextlib.suppress(OSError):
            return max(0, Path(f"{one.place}/net/unix").read_bytes().count(b"\n") - 1)
    return 0
