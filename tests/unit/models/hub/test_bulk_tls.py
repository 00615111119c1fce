"""TLS on real connections: what it carries, and what goes wrong."""

import asyncio
import contextlib
import os
import random
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpcore
import httpx
import pytest

from models.hub.bulk_read import pieces
from models.hub.bulk_tls import READ_BYTES, BulkBackend, open_client
from models.hub.file_download import TransferOptions
from models.hub.hub_client import HubClient
from models.hub.range_request import Link
from models.hub.repository_download import download
from models.hub.retry import RetryPolicy
from models.hub.weight_headers import fetch_weight_headers
from models.system.errors import StillroomError
from tests.support.certificates import Certificate, make_certificate
from tests.support.forward_proxy import forward_proxy
from tests.support.hub import LoopbackHub

REPO = "owner/large"
NAME = "model.safetensors"
CONTENT = random.Random(13).randbytes(12 << 20)
RETRY = RetryPolicy(attempts=3, first_wait_s=0.01, longest_wait_s=0.05)
OPTIONS = TransferOptions(segment_bytes=2 << 20, stall_s=5.0, retry=RETRY)
TIMEOUT = httpx.Timeout(5.0)
SHORT_S = 0.2

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path, "loopback", "127.0.0.1")


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))


@pytest.fixture
def hub(certificate: Certificate, tmp_path: Path) -> Iterator[LoopbackHub]:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    with LoopbackHub(certificate=certificate) as server:
        server.add(REPO, folder)
        yield server


def fetched(hub: LoopbackHub, folder: Path, options: TransferOptions = OPTIONS) -> bytes:
    client = HubClient(hub.endpoint, retry=RETRY)
    snapshot = client.resolve(REPO)
    [file] = download(snapshot, snapshot.files, folder, client, options=options)
    return file.path.read_bytes()


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.usefixtures("trusted")
def test_every_byte_comes_over_few_connections(hub: LoopbackHub, tmp_path: Path, coarse: bool) -> None:
    assert hub.storage.startswith("https:")
    assert fetched(hub, tmp_path / "out", replace(OPTIONS, coarse=coarse)) == CONTENT
    assert hub.handshakes <= OPTIONS.connections


@pytest.mark.usefixtures("trusted")
def test_what_is_cut_comes_again(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.fail("cut", NAME, after=123_457, times=3)
    assert fetched(hub, tmp_path / "out") == CONTENT


@pytest.mark.usefixtures("trusted")
def test_pieces_are_larger_than_records(hub: LoopbackHub) -> None:
    client = HubClient(hub.endpoint)
    snapshot = client.resolve(REPO)

    async def run() -> list[bytes]:
        async with (
            open_client(TIMEOUT) as connections,
            Link(connections, client, snapshot, snapshot.files[0]).open(0, len(CONTENT)) as response,
        ):
            return [piece async for piece in pieces(response, len(CONTENT), large=True)]

    got = asyncio.run(run())
    assert b"".join(got) == CONTENT
    # Where the kernel cannot gather, what has come so far is read.
    assert max(map(len, got)) > (READ_BYTES // 2 if sys.platform == "linux" else 16 << 10)


def test_a_certificate_that_nobody_vouches_for_is_told_at_once(hub: LoopbackHub, tmp_path: Path) -> None:
    client = HubClient(hub.endpoint, retry=RETRY)
    snapshot = client.resolve(REPO)
    for fetch in (
        lambda: fetched(hub, tmp_path / "out"),
        lambda: fetch_weight_headers(snapshot, snapshot.files, tmp_path / "headers", client, options=OPTIONS),
    ):
        hub.handshakes = 0
        with pytest.raises(StillroomError, match=r"certificate of 127.0.0.1 cannot be trusted: self-sig"):
            fetch()
        # None was tried again.
        assert hub.handshakes <= OPTIONS.connections


@pytest.mark.usefixtures("trusted")
def test_the_hub_itself_may_be_who_cannot_be_trusted(hub: LoopbackHub) -> None:
    client = HubClient(hub.storage.replace("127.0.0.1", "localhost"), retry=RETRY)
    with pytest.raises(StillroomError, match=r"certificate of localhost cannot be trusted"):
        client.resolve(REPO)


@pytest.mark.usefixtures("trusted")
def test_proxies_are_passed_through(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forward_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        assert fetched(hub, tmp_path / "out") == CONTENT
    assert set(proxy.asked) == {f"CONNECT {hub.storage.removeprefix('https://')} HTTP/1.1"}


def server_side(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.path, certificate.key)
    return context


@contextlib.asynccontextmanager
async def connected(serve: Serve) -> AsyncIterator[httpcore.AsyncNetworkStream]:
    """A connection, as the client's backend opens it, to what is served here."""
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        stream = await BulkBackend().connect_tcp("127.0.0.1", server.sockets[0].getsockname()[1], timeout=5.0)
        try:
            yield stream
        finally:
            await stream.aclose()


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_ways_also_over_tls_itself(
    certificate: Certificate, layers: int, version: ssl.TLSVersion
) -> None:
    there = server_side(certificate)
    there.maximum_version = version
    here = ssl.create_default_context(cafile=certificate.path)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(layers):
            await writer.start_tls(there)
            writer.write(b".")
        data = await reader.readexactly(len(CONTENT))
        writer.write(data)
        await writer.drain()
        writer.close()

    async def run() -> bytes:
        async with connected(echo) as stream:
            for _ in range(layers):
                stream = await stream.start_tls(here, "127.0.0.1", 5.0)
                assert await stream.read(1, 5.0) == b"."
            assert stream.get_extra_info("ssl_object").version().replace("v", "_v")[:4] == "TLS_"
            await stream.write(CONTENT, 5.0)
            got = bytearray()
            while data := await stream.read(1 << 20, 5.0):
                got += data
            assert await stream.read(1 << 20, 5.0) == b""
            return bytes(got)

    assert asyncio.run(run()) == CONTENT


def test_silence_has_a_limit(certificate: Certificate) -> None:
    here = ssl.create_default_context(cafile=certificate.path)
    over: asyncio.Event

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.start_tls(server_side(certificate))
        writer.write(b"hello")
        await over.wait()
        writer.close()

    async def run() -> None:
        nonlocal over
        over = asyncio.Event()
        async with connected(silent) as stream:
            with pytest.raises(httpcore.ConnectTimeout):
                await stream.start_tls(here, "127.0.0.1", SHORT_S)
            over.set()
        over.clear()
        async with connected(greets) as stream:
            secure = await stream.start_tls(here, "127.0.0.1", 5.0)
            assert await secure.read(100, 5.0) == b"hello"
            with pytest.raises(httpcore.ReadTimeout):
                await secure.read(100, SHORT_S)
            over.set()

    asyncio.run(run())


def test_who_speaks_no_tls_is_no_connection(certificate: Certificate) -> None:
    here = ssl.create_default_context(cafile=certificate.path)

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def run(serve: Serve) -> None:
        async with connected(serve) as stream:
            with pytest.raises(httpcore.ConnectError):
                await stream.start_tls(here, "127.0.0.1", 5.0)

    for serve in (plain, gone):
        asyncio.run(run(serve))


def test_damaged_data_is_refused(certificate: Certificate) -> None:
    here = ssl.create_default_context(cafile=certificate.path)

    async def damages(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        await writer.start_tls(server_side(certificate))
        writer.write(b"hello")
        await writer.drain()
        await reader.readexactly(1)
        # A record that no key has sealed.
        os.write(connection.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        await reader.read()
        writer.close()

    async def run() -> None:
        async with connected(damages) as stream:
            secure = await stream.start_tls(here, "127.0.0.1", 5.0)
            assert await secure.read(100, 5.0) == b"hello"
            await secure.write(b"?", 5.0)
            with pytest.raises(httpcore.ReadError):
                await secure.read(100, 5.0)

    asyncio.run(run())
