"""Large pieces of real answers on loopback."""

import asyncio
import itertools
import random
import socket
import statistics
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from models.hub import bulk_read as module
from models.hub.bulk_read import pieces
from models.hub.bulk_tls import open_client
from models.hub.hub_client import HubClient
from models.hub.range_request import Link
from tests.support.hub import LoopbackHub

REPO = "owner/large"
NAME = "model.safetensors"
CONTENT = random.Random(11).randbytes(16 << 20)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LoopbackHub]:
    (tmp_path / NAME).write_bytes(CONTENT)
    with LoopbackHub() as server:
        server.add(REPO, tmp_path)
        yield server


@asynccontextmanager
async def answered(
    hub: LoopbackHub, start: int, end: int
) -> AsyncIterator[tuple[httpx.Response, socket.socket]]:
    """The hub's answer with [start, end) of the file, and its connection."""
    client = HubClient(hub.endpoint)
    snapshot = client.resolve(REPO)
    [file] = [file for file in snapshot.files if file.path == NAME]
    async with (
        open_client(httpx.Timeout(5.0)) as connections,
        Link(connections, client, snapshot, file).open(start, end) as response,
    ):
        yield response, response.extensions["network_stream"].get_extra_info("socket")


def wakes_at(connection: socket.socket) -> int:
    """With how many bytes the kernel wakes the program; only Linux can be told to wait for more than one."""
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) if sys.platform == "linux" else 1


async def read(hub: LoopbackHub, start: int, end: int, *, large: bool = False) -> list[bytes]:
    async with answered(hub, start, end) as (response, connection):
        got = [piece async for piece in pieces(response, end - start, large=large)]
        # The connection is used again, for answers that may be short.
        assert wakes_at(connection) == 1
        return got


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, len(CONTENT)), (1, 2), (12345, 12345 + (3 << 20)), (0, (1 << 20) + 1), (77, len(CONTENT) - 1)],
)
@pytest.mark.parametrize(("fast_from", "large"), [(0.0, False), (0.0, True), (1e15, False)])
def test_every_byte_comes_in_order(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, start: int, end: int, fast_from: float, large: bool
) -> None:
    monkeypatch.setattr(module, "FAST_BYTES_PER_S", fast_from)
    got = asyncio.run(read(hub, start, end, large=large))
    assert b"".join(got) == CONTENT[start:end]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gathers")
@pytest.mark.parametrize(("large", "size"), [(False, 256 << 10), (True, 1 << 20)])
def test_a_fast_answer_comes_in_few_pieces(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, large: bool, size: int
) -> None:
    monkeypatch.setattr(module, "FAST_BYTES_PER_S", 0.0)
    got = asyncio.run(read(hub, 0, len(CONTENT), large=large))
    ends = list(itertools.accumulate(map(len, got)))
    inner = [
        len(piece) for piece, end in zip(got, ends, strict=True) if 4 << 20 < end < len(CONTENT) - (5 << 20)
    ]
    assert size // 2 < statistics.median(inner) <= size


def test_a_slow_answer_is_read_as_it_comes(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FAST_BYTES_PER_S", 1e15)

    async def run() -> None:
        async with answered(hub, 0, len(CONTENT)) as (response, connection):
            async for _ in pieces(response, len(CONTENT)):
                assert wakes_at(connection) == 1

    asyncio.run(run())


def test_an_answer_that_is_cut_short_gives_what_came(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FAST_BYTES_PER_S", 0.0)
    sent = (2 << 20) + 7
    hub.fail("cut", NAME, after=sent)
    got = bytearray()

    async def run() -> None:
        async with answered(hub, 0, len(CONTENT)) as (response, _):
            async for piece in pieces(response, len(CONTENT)):
                got.extend(piece)

    with pytest.raises(httpx.RemoteProtocolError):
        asyncio.run(run())
    assert got == CONTENT[:sent]
