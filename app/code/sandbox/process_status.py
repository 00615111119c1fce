"""Sizes and files of processes, as /proc tells them (Linux)."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
MOST_MAPPINGS_BYTES = 4096 * KIB
"""Of their list: some 40,000 lines. Paths of any length in 65,530 of them would be gigabytes."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process, its folder of /proc that tells (a thread's where the first one has ended), its sizes."""

    pid: int
    place: str
    words: dict[bytes, int]

    @property
    def has_memory(self) -> bool:
        """Tell whether it has not ended."""
        return b"VmRSS" in self.words

    def open_files(self, unknown: int) -> int:
        """Give the number of its open files; `unknown` where it lets nobody look."""
        folder = Path(f"{self.place}/fd")
        try:
            # Linux tells the number as the folder's size since 6.2.
            return folder.stat().st_size or len(list(folder.iterdir()))
        except PermissionError:
            return unknown if self.has_memory else 0
        except OSError:
            return 0

    def stats_of_files(self) -> Iterator[os.stat_result]:
        """Go through its open files and its program; raises PermissionError where it lets nobody look."""
        try:
            files = list(Path(f"{self.place}/fd").iterdir())
        except PermissionError:
            raise
        except OSError:
            return
        for file in (*files, Path(f"{self.place}/exe")):
            with contextlib.suppress(OSError):
                yield file.stat()

    def maps_deleted(self, folder: str) -> set[int]:
        """Give the inodes of deleted files of `folder` that it has mapped.

        Raises PermissionError where it lets nobody look, also by a list too long to be read.
        """
        try:
            with Path(f"{self.place}/maps").open("rb") as file:
                text = file.read(MOST_MAPPINGS_BYTES + 1)
        except PermissionError:
            raise
        except OSError:
            return set()
        if len(text) > MOST_MAPPINGS_BYTES:
            raise PermissionError(f"more than {MOST_MAPPINGS_BYTES} bytes of mappings")
        start = f" {folder}/".encode()
        if start not in text:
            return set()
        found = set()
        for line in text.splitlines():
            # Addresses, rights, offset, device, inode, and the path after spaces.
            words, found_start, path = line.partition(start)
            if found_start and path.endswith(b" (deleted)"):
                found.add(int(words.split()[4]))
        return found


def process(pid: int) -> Process:
    """Give what /proc tells of `pid`; no sizes once it has ended."""
    place = f"/proc/{pid}"
    words = sizes(f"{place}/status")
    if b"VmRSS" not in words:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                words = sizes(f"{thread}/status")
                if b"VmRSS" in words:
                    return Process(pid, str(thread), words)
    return Process(pid, place, words)


def sizes(path: str) -> dict[bytes, int]:
    """Give the lines of a file of /proc that end in kB, in bytes; none where it cannot be read."""
    found = {}
    with contextlib.suppress(OSError, ValueError):
        for line in Path(path).read_bytes().splitlines():
            if line.endswith(b" kB"):
                name, _, value = line.partition(b":")
                found[name] = int(value[:-3]) * KIB
    return found
