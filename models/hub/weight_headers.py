"""The beginnings of weight files that are not here yet: what they hold, for a few kilobytes."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path

import httpx

from models.hub.bounded_http import WHOLE_S, AnswerError, until_cancelled
from models.hub.bulk_tls import open_client
from models.hub.file_download import TransferOptions
from models.hub.hub_client import HubClient
from models.hub.hub_errors import no_usable_answer, raise_if_hopeless, unreachable
from models.hub.range_request import Link, RangeIgnored, TryAgain
from models.hub.snapshot import RemoteFile, Snapshot
from models.system.durable import write_durably
from models.system.errors import StillroomError
from models.system.foreign_json import MOST_JSON_BYTES

START_BYTES = 64 << 10
_LEAST_BYTES_PER_S = 16 << 10
"""A server that sends less is given up: of a header nothing is kept, so nobody sees how far it is."""
_WHOLE_HEADER_S = WHOLE_S + MOST_JSON_BYTES / _LEAST_BYTES_PER_S


def fetch_weight_headers(
    snapshot: Snapshot,
    files: Sequence[RemoteFile],
    folder: Path,
    hub: HubClient,
    *,
    options: TransferOptions | None = None,
    cancel: threading.Event | None = None,
) -> dict[str, Path]:
    """Write each header (8 bytes of length, then JSON) to a file in `folder`; those files, by path.

    They are not verified: compare them with the whole files. Blocks, any thread. Raises `Cancelled` and
    `StillroomError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_fetch_all(snapshot, files, folder, hub, options or TransferOptions(), cancel))


def fetch_start(
    snapshot: Snapshot,
    file: RemoteFile,
    hub: HubClient,
    *,
    options: TransferOptions | None = None,
    cancel: threading.Event | None = None,
) -> bytes:
    """Return the first `START_BYTES` of a file, or all of a shorter one; they are not verified.

    Blocks, any thread. Raises `Cancelled` and `StillroomError`.
    """
    return asyncio.run(_start(snapshot, file, hub, options or TransferOptions(), cancel))


async def _start(
    snapshot: Snapshot,
    file: RemoteFile,
    hub: HubClient,
    options: TransferOptions,
    cancel: threading.Event | None,
) -> bytes:
    async with _client(hub, options) as client:
        link = Link(client, hub, snapshot, file)
        count = min(START_BYTES, file.bytes)
        work = _in_time(_up_to(link, b"", count, file, options), link, WHOLE_S)
        return await until_cancelled(work, cancel)


async def _fetch_all(
    snapshot: Snapshot,
    files: Sequence[RemoteFile],
    folder: Path,
    hub: HubClient,
    options: TransferOptions,
    cancel: threading.Event | None,
) -> dict[str, Path]:
    headers = {}
    async with _client(hub, options) as client:
        for file in files:
            link = Link(client, hub, snapshot, file)
            work = _in_time(_header(link, file, options), link, _WHOLE_HEADER_S)
            headers[file.path] = folder / f"{file.sha256 or file.oid}.header"
            write_durably(headers[file.path], await until_cancelled(work, cancel))
    return headers


def _client(hub: HubClient, options: TransferOptions) -> httpx.AsyncClient:
    timeout = httpx.Timeout(options.stall_s, connect=options.connect_s, pool=None)
    return open_client(timeout, proxy=hub.proxy)


async def _in_time(work: Coroutine[None, None, bytes], link: Link, within_s: float) -> bytes:
    try:
        async with asyncio.timeout(within_s):
            return await work
    except TimeoutError as error:
        reason = AnswerError(f"it sent no whole answer within {within_s:.0f} s")
        raise no_usable_answer(link.host, reason) from error


async def _header(link: Link, file: RemoteFile, options: TransferOptions) -> bytes:
    data = await _up_to(link, b"", min(START_BYTES, file.bytes), file, options)
    end = 8 + int.from_bytes(data[:8], "little")
    if len(data) < 8 or end > min(file.bytes, 8 + MOST_JSON_BYTES):
        raise StillroomError(
            "The file {file} is no safetensors file.", "Choose another repository.", file=file.path
        )
    return (await _up_to(link, data, end, file, options))[:end]


async def _up_to(link: Link, data: bytes, end: int, file: RemoteFile, options: TransferOptions) -> bytes:
    """Bring what is there of a file to `end` bytes or more, also after failures that pass."""
    failures = 0
    while len(data) < end:
        try:
            data += await _read(link, len(data), end, file)
        except (TryAgain, httpx.TransportError) as error:
            if isinstance(error, httpx.TransportError):
                raise_if_hopeless(error)
            failures += 1
            if failures >= options.retry.attempts:
                raise unreachable(link.host) from error
            asked_s = error.wait_s if isinstance(error, TryAgain) else None
            await asyncio.sleep(options.retry.wait_s(failures) if asked_s is None else asked_s)
    return data


async def _read(link: Link, start: int, end: int, file: RemoteFile) -> bytes:
    try:
        async with link.open(start, end) as response:
            return await _first_bytes(response, end - start)
    except RangeIgnored:
        async with link.open(0, file.bytes, whole=True) as response:
            return (await _first_bytes(response, end))[start:]


async def _first_bytes(response: httpx.Response, count: int) -> bytes:
    data = bytearray()
    async for block in response.aiter_raw():
        data += block
        if len(data) >= count:
            break
    return bytes(data[:count])
