"""One file from the hub: parallel ranges, retries, verification, and only then its name."""

import asyncio
import heapq
import logging
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from models.hub.arrival import Arrival, OnArrival
from models.hub.bulk_read import pieces
from models.hub.hub_errors import raise_if_hopeless, unreachable
from models.hub.range_request import Link, RangeIgnored, TryAgain
from models.hub.resumable_file import PartFile
from models.hub.retry import RetryPolicy
from models.hub.snapshot import RemoteFile
from models.hub.verify import Digest, Hasher, hash_while_it_arrives
from models.system.errors import StillroomError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """`connections` ranges of `segment_bytes` at a time; a connection silent for `stall_s` is given up.

    With `first_segment_bytes` the ranges at the start of a file are that short, and grow: for somebody who
    reads what has arrived. In `coarse` steps it takes less of the processor, and a crash loses more.
    """

    connections: int = 4
    segment_bytes: int = 16 << 20
    first_segment_bytes: int | None = None
    coarse: bool = False
    stall_s: float = 20.0
    connect_s: float = 15.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class FileFetch:
    """The download of one file into `target`; goes on where an earlier one stopped.

    `run` belongs to one asyncio loop, on which it tells `on_arrival` what of the file can be read already;
    the counters may be read between its steps.
    """

    def __init__(
        self, link: Link, file: RemoteFile, target: Path, options: TransferOptions, on_arrival: OnArrival
    ) -> None:
        self._link = link
        self._file = file
        self._target = target
        self._options = options
        self._on_arrival = on_arrival
        self._part: PartFile | None = None
        self._hasher: Hasher | None = None
        self._gaps: list[tuple[int, int]] = []
        self._number = 0
        self._failures = 0
        self._last_failure_s = 0.0
        self._not_before_s = 0.0

    @property
    def received_bytes(self) -> int:
        """Bytes of the file that are here."""
        return self._part.written.total if self._part is not None else 0

    @property
    def verified_bytes(self) -> int:
        """Bytes of the file that are hashed."""
        return self._hasher.done if self._hasher is not None else 0

    def arrival(self) -> Arrival:
        """Return the part of the file that is hashed and can be read without a gap."""
        return Arrival(self._file.path, self.verified_bytes, self._number)

    async def run(self) -> str:
        """Fetch, verify and name the file; its SHA-256.

        A damaged file is fetched once more from the start. Raises `StillroomError`.
        """
        for self._number in (1, 2):
            digest = await self._attempt()
            if digest.matches:
                return digest.sha256
            log.warning("%s arrived damaged (attempt %d)", self._file.path, self._number)
        raise StillroomError(
            "{file} arrived damaged twice: its checksum is not the one that the repository names.",
            "Try again later or on another network; something between here and the server changes the data.",
            file=self._file.path,
        )

    async def _attempt(self) -> Digest:
        content = f"sha256:{self._file.sha256}" if self._file.sha256 else f"git:{self._file.oid}"
        self._target.parent.mkdir(parents=True, exist_ok=True)
        part = self._part = PartFile(self._target, self._file.bytes, content, coarse=self._options.coarse)
        hasher = self._hasher = Hasher(self._file)
        try:
            hashing = asyncio.create_task(
                hash_while_it_arrives(part, hasher, lambda: self._on_arrival(self.arrival()))
            )
            try:
                await self._receive(part)
                digest = await hashing
            finally:
                hashing.cancel()
        finally:
            part.close()
        if digest.matches:
            part.finish()
        else:
            part.discard()
        return digest

    async def _receive(self, part: PartFile) -> None:
        self._failures = 0
        options = self._options
        self._gaps = part.written.missing(
            self._file.bytes, options.segment_bytes, options.first_segment_bytes
        )
        workers = min(self._options.connections, len(self._gaps))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work(part))
        except BaseExceptionGroup as failures:
            first = _first(failures)
            if not isinstance(first, RangeIgnored):
                raise first from None
            log.info("%s: the server ignores ranges, reading it in one go", self._file.path)
            await self._receive_whole(part)

    async def _work(self, part: PartFile) -> None:
        while self._gaps:
            start, end = heapq.heappop(self._gaps)
            await self._wait_for_server()
            began_s = asyncio.get_running_loop().time()
            try:
                start = await self._receive_range(part, start, end)
            except (TryAgain, httpx.TransportError) as error:
                start = self._reached(part, start, end)
                self._note_failure(error, began_s)
            finally:
                if start < end:
                    heapq.heappush(self._gaps, (start, end))

    async def _receive_range(self, part: PartFile, start: int, end: int) -> int:
        position = start
        async with self._link.open(start, end) as response:
            async for piece in pieces(response, end - start, large=self._options.coarse):
                position += await self._store(part, position, piece)
        if position == start:
            raise TryAgain("an empty answer")
        return position

    async def _store(self, part: PartFile, position: int, block: bytes) -> int:
        before = part.written.total
        part.write(position, block)
        if part.written.total > before:
            self._failures = 0
        if part.needs_saving:
            await part.save()
        return len(block)

    def _reached(self, part: PartFile, start: int, end: int) -> int:
        """Return how far the range [start, end), which only one task writes, has got."""
        for there, until in part.written:
            if there <= start < until:
                return min(until, end)
        return start

    async def _receive_whole(self, part: PartFile) -> None:
        while not part.complete:
            await self._wait_for_server()
            began_s = asyncio.get_running_loop().time()
            try:
                async with self._link.open(0, self._file.bytes, whole=True) as response:
                    position = 0
                    async for piece in pieces(response, self._file.bytes, large=self._options.coarse):
                        position += await self._store(part, position, piece)
                if not part.complete:
                    raise TryAgain("the server closed the connection early")
            except (TryAgain, httpx.TransportError) as error:
                self._note_failure(error, began_s)

    def _note_failure(self, error: TryAgain | httpx.TransportError, began_s: float) -> None:
        """Give up after too many failures in a row. Requests that were under way together fail as one."""
        if isinstance(error, httpx.TransportError):
            raise_if_hopeless(error)
        now_s = asyncio.get_running_loop().time()
        if began_s >= self._last_failure_s:
            self._failures += 1
            self._last_failure_s = now_s
        if self._failures >= self._options.retry.attempts:
            raise unreachable(self._link.host) from error
        wait_s = error.wait_s if isinstance(error, TryAgain) else None
        if wait_s is None:
            wait_s = self._options.retry.wait_s(self._failures)
        log.info("%s: %s, trying again in %.1f s", self._file.path, _reason(error), wait_s)
        self._not_before_s = max(self._not_before_s, now_s + wait_s)

    async def _wait_for_server(self) -> None:
        loop = asyncio.get_running_loop()
        while (wait_s := self._not_before_s - loop.time()) > 0:
            await asyncio.sleep(wait_s)


def _reason(error: TryAgain | httpx.TransportError) -> str:
    return str(error) if isinstance(error, TryAgain) else type(error).__name__


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
