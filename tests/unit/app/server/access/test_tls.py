"""TLS with the user's own certificate."""

import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from app.commands.terminal.running_server import running_server
from app.engine.client.client import EngineClient
from app.server.access.discovery import announce_server
from app.server.access.server_limits import Limits
from tests.support.api import KEY, MODEL, served
from tests.support.certificates import make_certificate


def test_what_is_sent_is_encrypted(api_engine: EngineClient, tmp_path: Path) -> None:
    own = make_certificate(tmp_path, "stillroom", "127.0.0.1")
    trusted = ssl.create_default_context(cafile=str(own.path))
    with served(api_engine, tmp_path, certificate=own.path, private_key=own.key) as api:
        assert api.url.startswith("https://127.0.0.1:")
        with httpx.Client(verify=trusted, headers={"Authorization": f"Bearer {KEY}"}) as http:
            assert http.get(f"{api.url}/v1/models").status_code == 200
            same_origin = {"Origin": api.url}
            assert http.get(f"{api.url}/health", headers=same_origin).status_code == 200
        with httpx.Client() as plain, pytest.raises(httpx.TransportError):
            plain.get(api.url.replace("https", "http"))


def test_the_command_line_finds_it_whoever_vouches_for_it_and_whatever_its_name(
    api_engine: EngineClient, tmp_path: Path
) -> None:
    root = make_certificate(tmp_path, "root")
    own = make_certificate(tmp_path, "box.example", "box.example", issuer=root)
    # All in one file, as some servers want it.
    both = tmp_path / "both.pem"
    both.write_bytes(own.key.read_bytes() + own.path.read_bytes() + root.path.read_bytes())
    with served(api_engine, tmp_path, certificate=both, private_key=both) as api:
        found = running_server(api.paths)
        assert found is not None
        assert [model.id for model in found[1]] == [MODEL]
        assert "PRIVATE" not in api.paths.server_file.read_text()


def test_the_key_is_not_shown_to_another_server_in_its_place(
    api_engine: EngineClient, tmp_path: Path
) -> None:
    own = make_certificate(tmp_path, "stillroom")
    other = make_certificate(tmp_path, "stillroom-too")
    with served(api_engine, tmp_path, certificate=own.path, private_key=own.key) as api:
        announce_server(api.paths, url=api.url, key=KEY, version="1", certificate=other.path.read_text())
        assert running_server(api.paths) is None
        announce_server(api.paths, url=api.url, key=KEY, version="1")
        assert running_server(api.paths) is None


def silent_client(port: int) -> socket.socket:
    # Half of the time after which asyncio itself gives up a handshake.
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def test_a_client_that_says_nothing_is_shown_out(api_engine: EngineClient, tmp_path: Path) -> None:
    own = make_certificate(tmp_path, "stillroom", "127.0.0.1")
    impatient = Limits(head_s=0.2)
    with (
        served(api_engine, tmp_path, impatient, certificate=own.path, private_key=own.key) as api,
        silent_client(api.port) as client,
    ):
        assert client.recv(1) == b""


def test_handshakes_that_are_not_done_make_way_for_others(api_engine: EngineClient, tmp_path: Path) -> None:
    own = make_certificate(tmp_path, "stillroom", "127.0.0.1")
    trusted = ssl.create_default_context(cafile=str(own.path))
    few = Limits(connections=3, head_s=1000.0)
    with (
        served(api_engine, tmp_path, few, certificate=own.path, private_key=own.key) as api,
        ExitStack() as open_ones,
    ):
        silent = [open_ones.enter_context(silent_client(api.port)) for _ in range(6)]
        with httpx.Client(verify=trusted, headers={"Authorization": f"Bearer {KEY}"}) as http:
            assert http.get(f"{api.url}/v1/models").status_code == 200
            # The first four have made way: for the three silent ones after them, and for this one.
            assert [client.recv(1) for client in silent[:4]] == [b""] * 4


def test_a_request_may_come_with_the_end_of_the_handshake(api_engine: EngineClient, tmp_path: Path) -> None:
    own = make_certificate(tmp_path, "stillroom", "127.0.0.1")
    trusted = ssl.create_default_context(cafile=str(own.path))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with (
        served(api_engine, tmp_path, certificate=own.path, private_key=own.key) as api,
        silent_client(api.port) as client,
    ):
        tls = trusted.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.sendall(outgoing.read())
                incoming.write(client.recv(65_536))
        tls.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        client.sendall(outgoing.read())
        answer = b""
        while b"\r\n\r\n" not in answer:
            try:
                answer += tls.read()
            except ssl.SSLWantReadError:
                incoming.write(client.recv(65_536))
        assert answer.startswith(b"HTTP/1.1 200")
