"""The memory that a run takes, counted from outside where no control group does it (Linux).

The kernel tells what a process has mapped, and its page tables. What lies in a pipe or socket it does not
tell, so each counts as full. All else that it keeps for programs (mappings, locks, event lists, shared memory
that nobody has mapped) shows only in sums of the whole machine; what they grow by counts as the run's.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from app.code.sandbox import kernel

KIB = 1024
PIPE_BYTES = 72 * KIB
"""16 pages, and two that it keeps for later. (`F_SETPIPE_SZ` is refused.)"""
_SHARED = "Shmem"
_KERNEL = ("SUnreclaim", "VmallocUsed")
"""Of /proc/meminfo: shared memory; what the kernel cannot give back; its larger tables and stacks."""


class MemoryUse:
    """Counts from the moment that it is made. `own_network`: the run has its sockets for itself."""

    def __init__(self, limit_bytes: int, *, own_network: bool) -> None:
        self._limit_bytes = limit_bytes
        self._own_network = own_network
        self._before = _machine()
        self._socket_bytes = _socket_bytes()

    def bytes_of(self, pids: list[int], files_bytes: int) -> int:
        """All memory of `pids`, with `files_bytes` that they have in files in memory."""
        before, now = self._before, _machine()
        # Others use the machine too.
        noise_bytes = self._limit_bytes // 16
        kernels = max(0, sum(now[name] - before[name] for name in _KERNEL) - noise_bytes)
        shared_bytes = max(files_bytes, now[_SHARED] - before[_SHARED] - noise_bytes)
        told = [_status(pid) for pid in pids]
        tables = sum(_tables(words) for words in told)
        rest = kernels + self._channels(pids) + tables
        # Pages of the system's files are not: the kernel gives them back when somebody needs the room.
        own = [words.get(b"RssAnon", 0) + words.get(b"VmSwap", 0) for words in told]
        shared = sum(words.get(b"RssShmem", 0) for words in told)
        most = rest + sum(own) + max(shared, shared_bytes)
        least = rest + max(own, default=0) + shared_bytes
        if least > self._limit_bytes or most <= self._limit_bytes:
            return most
        # What processes share counted for each of them, and that decides.
        parts = _shares(pids, told)
        shared = sum(words.get(b"Pss_Shmem", words.get(b"RssShmem", 0)) for words in parts)
        anonymous = sum(words.get(b"Pss_Anon", words.get(b"RssAnon", 0)) for words in parts)
        anonymous += sum(words.get(b"SwapPss", words.get(b"VmSwap", 0)) for words in parts)
        return rest + anonymous + max(shared, shared_bytes)

    def _channels(self, pids: list[int]) -> int:
        """Pipes and sockets, as if they were full; few pipes are not looked for."""
        sockets = _sockets_of_network(pids) if self._own_network else 0
        if sum(map(_open_files, pids)) * max(PIPE_BYTES, self._socket_bytes) < self._limit_bytes // 16:
            return sockets * self._socket_bytes
        pipes, held_sockets = set(), set()
        for pid in pids:
            for found in _stats_of_files(pid):
                if stat.S_ISFIFO(found.st_mode):
                    pipes.add((found.st_dev, found.st_ino))
                elif stat.S_ISSOCK(found.st_mode):
                    held_sockets.add(found.st_ino)
        return len(pipes) * PIPE_BYTES + max(sockets, len(held_sockets)) * self._socket_bytes


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


def _status(pid: int) -> dict[bytes, int]:
    """The sizes of a process, in bytes; of one whose first thread has ended, another thread tells them."""
    words = _words(f"/proc/{pid}/status")
    if b"VmRSS" not in words:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                words = _words(f"{thread}/status")
                if b"VmRSS" in words:
                    break
    return words


def _shares(pids: list[int], told: list[dict[bytes, int]]) -> list[dict[bytes, int]]:
    """The sizes of processes with their shares of what several have; of those with the same memory only one.

    A child has its parent's until it runs another program, where it was started so that nothing is copied
    (vfork, posix_spawn), and each would tell all of it. Where the first thread has ended, or the kernel is
    old, there are no shares.
    """
    found: dict[int, dict[bytes, int]] = {}
    for pid, words in zip(pids, told, strict=True):
        alike = [one for one, other in found.items() if other.get(b"VmSize") == words.get(b"VmSize")]
        # Asked first: it may run its own program meanwhile, and then has its own.
        is_shared = any(kernel.share_memory(pid, one) for one in alike)
        shares = _words(f"/proc/{pid}/smaps_rollup")
        if not (is_shared and shares):
            found[pid] = words | shares
    return list(found.values())


def _words(path: str) -> dict[bytes, int]:
    found = {}
    with contextlib.suppress(OSError, ValueError):
        for line in Path(path).read_bytes().splitlines():
            if line.endswith(b" kB"):
                name, _, value = line.partition(b":")
                found[name] = int(value[:-3]) * KIB
    return found


def _open_files(pid: int) -> int:
    folder = Path(f"/proc/{pid}/fd")
    try:
        # Linux tells the number as the folder's size since 6.2.
        return folder.stat().st_size or len(list(folder.iterdir()))
    except OSError:
        return 0


def _stats_of_files(pid: int) -> Iterator[os.stat_result]:
    try:
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return
    for file in files:
        with contextlib.suppress(OSError):
            yield file.stat()


def _sockets_of_network(pids: list[int]) -> int:
    """The local sockets of the run's network: those in flight or not yet accepted as well."""
    for pid in pids:
        with contextlib.suppress(OSError):
            return max(0, Path(f"/proc/{pid}/net/unix").read_bytes().count(b"\n") - 1)
    return 0
