"""Making finished tensors last while others are worked on: the data, then the journal, then the hash."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from converters.build_journal import BuildJournal
from converters.following_hash import FollowingHash
from converters.output import Output

COMMIT_BYTES = 64 << 20
"""How much of all outputs is written between two commits; about twice this is done again after a crash."""


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
        self._waiting_bytes = 0
        for hashed, output in zip(self.hashes, outputs, strict=True):
            hashed.add(0, len(output.layout.header))
            for name in (*output.constants, *journal.tensors):
                hashed.add(*self._range(output, name))

    def add(self, name: str) -> None:
        """The tensor is written in every working file."""
        self._waiting.append(name)
        self._waiting_bytes += sum(output.layout.places[name].bytes for output in self._outputs)
        if self._waiting_bytes >= COMMIT_BYTES:
            self.flush()

    def flush(self, after: Callable[[], None] = lambda: None) -> None:
        """Begin to commit what was added; then `after` is called, on the other thread."""
        self._wait()
        names, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._running = self._pool.submit(self._commit, names, after)

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

    def _commit(self, names: list[str], after: Callable[[], None]) -> None:
        if names:
            for file in self._files:
                os.fsync(file.fileno())
            self._journal.add_tensors(names)
        after()
        for hashed, output in zip(self.hashes, self._outputs, strict=True):
            for name in names:
                hashed.add(*self._range(output, name))
            hashed.follow()

    @staticmethod
    def _range(output: Output, name: str) -> tuple[int, int]:
        place = output.layout.places[name]
        return place.offset, place.end
