"""Making finished tensors last while others are worked on: the data, then the journal, then the hash."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from converters.build.build_journal import BuildJournal
from converters.build.output import Output
from converters.build.quantise_rows import RowRange
from converters.build.trailing_sha256 import FollowingHash

COMMIT_BYTES = 64 << 20
"""Bytes of all outputs that are written between two commits; about twice this is redone after a crash."""

_READ_BYTES = 1 << 20


class Commits:
    """Syncs the working files on a thread of its own, then names the tensors in the journal.

    `add` and `finish` belong to one thread; both raise what went wrong on the other one (`OSError`).
    """

    def __init__(
        self,
        outputs: Sequence[Output],
        parts: Sequence[Path],
        journal: BuildJournal,
    ) -> None:
        self._outputs = outputs
        self._journal = journal
        self._files: list[BinaryIO] = [part.open("r+b", buffering=0) for part in parts]
        self.hashes = [
            FollowingHash(part, output.layout.bytes) for part, output in zip(parts, outputs, strict=True)
        ]
        self._pool = ThreadPoolExecutor(1, "commit")
        self._running: Future[None] | None = None
        self._waiting: list[str] = []
        self._unsynced_bytes = 0
        self._holds = False
        self._unnamed: dict[str, str] = {}
        self._begin_hashing()

    def add(self, name: str) -> None:
        """Note that the tensor is written in every working file."""
        self._waiting.append(name)

    def wrote(self, rows: RowRange) -> None:
        """Note that the rows are written in every working file."""
        tensor = rows.tensor
        stored = sum(output.layout.places[tensor.name].bytes for output in self._outputs)
        self._unsynced_bytes += stored * rows.weights // prod(tensor.shape)
        if self._unsynced_bytes >= COMMIT_BYTES:
            self.flush()

    def hold(self) -> None:
        """Sync and hash tensors from now on without naming them in the journal before `release`."""
        self._holds = True

    def release(self) -> None:
        """Let the next commit name what was held."""
        self._holds = False

    def start_over(self) -> None:
        """Discard what was held; it will be added again."""
        self._wait()
        self._waiting, self._unsynced_bytes, self._unnamed = [], 0, {}
        for hashed in self.hashes:
            hashed.start_over()
        self._begin_hashing()

    def flush(self, after: Callable[[], None] = lambda: None) -> None:
        """Begin to commit what was added, and then call `after`, on the other thread."""
        self._wait()
        names, self._waiting, self._unsynced_bytes = self._waiting, [], 0
        self._running = self._pool.submit(self._commit, names, self._holds, after)

    def finish(self) -> None:
        """Commit what is left; everything that was added is stored when this returns."""
        self.flush()
        self._wait()

    def close(self) -> None:
        """End the thread and close the files."""
        self._pool.shutdown(cancel_futures=True)
        for file in self._files:
            file.close()
        for hashed in self.hashes:
            hashed.close()

    def _wait(self) -> None:
        if self._running is not None:
            self._running.result()
            self._running = None

    def _begin_hashing(self) -> None:
        for hashed, output in zip(self.hashes, self._outputs, strict=True):
            hashed.add(0, len(output.layout.header))
            for name in (*output.constants, *self._journal.tensors):
                hashed.add(*_range(output, name))

    def _commit(self, names: list[str], holds: bool, after: Callable[[], None]) -> None:
        for file in self._files:
            os.fsync(file.fileno())
        for name in names:
            self._unnamed[name] = stored_checksum(name, self._outputs, self._files)
        if self._unnamed and not holds:
            self._journal.add_tensors(self._unnamed)
            self._unnamed = {}
        after()
        for hashed, output in zip(self.hashes, self._outputs, strict=True):
            for name in names:
                hashed.add(*_range(output, name))
            hashed.follow()


def stored_checksum(name: str, outputs: Sequence[Output], files: Sequence[BinaryIO]) -> str:
    """Read what the working `files` of `outputs` hold of a tensor, and return its check sum.

    Sum and XOR of its 64-bit words: no flipped bit and no lost page goes unnoticed, and it takes a tenth of
    the time of a CRC or a hash, which would be taken from the quantising.
    """
    total = parity = 0
    for output, file in zip(outputs, files, strict=True):
        start, end = _range(output, name)
        file.seek(start)
        while start < end and (data := file.read(min(_READ_BYTES, end - start))):
            words = np.frombuffer(data.ljust(-len(data) % 8 + len(data), b"\0"), "<u8")
            total += int(np.add.reduce(words))
            parity ^= int(np.bitwise_xor.reduce(words))
            start += len(data)
    return f"{total % (1 << 64):016x}{parity:016x}"


def _range(output: Output, name: str) -> tuple[int, int]:
    place = output.layout.places[name]
    return place.offset, place.end
