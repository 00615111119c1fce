"""The headers of safetensors files that are not here yet: what they hold, for a few kilobytes."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx

from models.hub.bounded_http import WHOLE_S, AnswerError, until_cancelled
from models.hub.bulk_tls import open_client
from models.hub.file_download import TransferOptions
from models.hub.hub import HubClient, no_usable_answer, raise_if_hopeless, unreachable
from models.hub.hub_request import Link, RangeIgnored, TryAgain
from models.hub.snapshot import RemoteFile, Snapshot
from models.system.durable import write_durably
from models.system.errors import StillroomError
from models.system.foreign_json import MOST_JSON_BYTES

_FIRST_BYTES = 64 << 10
_LEAST_BYTES_PER_S = 16 << 10
"""A server that sends less is given up: of a header nothing is kept, so nobody sees how far it is."""


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


async def _fetch_all(
    snapshot: Snapshot,
    files: Sequence[RemoteFile],
    folder: Path,
    hub: HubClient,
    options: TransferOptions,
    cancel: threading.Event | None,
) -> dict[str, Path]:
    timeout = httpx.Timeout(options.stall_s, connect=options.connect_s, pool=None)
    headers = {}
    async with open_client(timeout, proxy=hub.proxy) as client:
        for file in files:
            work = _header_in_time(Link(client, hub, snapshot, file), file, options)
            headers[file.path] = folder / f"{file.sha256 or file.oid}.header"
            write_durably(headers[file.path], await until_cancelled(work, cancel))
    return headers


async def _header_in_time(link: Link, file: RemoteFile, options: TransferOptions) -> bytes:
    within_s = WHOLE_S + MOST_JSON_BYTES / _LEAST_BYTES_PER_S
    try:
        async with asyncio.timeout(within_s):
            return await _header(link, file, options)
    except TimeoutError as error:
        reason = AnswerError(f"it sent no whole answer within {within_s:.0f} s")
        raise no_usable_answer(link.host, reason) from error


async def _header(link: Link, file: RemoteFile, options: TransferOptions) -> bytes:
    failures = 0
    wanted = min(_FIRST_BYTES, file.bytes)
    data = b""
    while len(data) < wanted:
        try:
            data += await _read(link, len(data), wanted, file)
        except (TryAgain, httpx.TransportError) as error:
            if isinstance(error, httpx.TransportError):
                raise_if_hopeless(error)
            failures += 1
            if failures >= options.retry.attempts:
                raise unreachable(link.host) from error
            asked_s = error.wait_s if isinstance(error, TryAgain) else None
            await asyncio.sleep(options.retry.wait_s(failures) if asked_s is None else asked_s)
            continue
        end = 8 + int.from_bytes(data[:8], "little")
        if len(data) >= 8 and end > min(file.bytes, 8 + MOST_JSON_BYTES):
            raise StillroomError(
                "The file {file} is no safetensors file.", "Choose another repository.", file=file.path
            )
        wanted = max(end, 8)
    return data[:wanted]


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
