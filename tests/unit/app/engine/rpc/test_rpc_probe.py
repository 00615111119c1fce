"""A probe tells who listens; the real rpc-server answers in tests/end2end/test_rpc.py."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.engine.rpc import rpc_probe
from app.engine.rpc.rpc_address import RpcError
from app.engine.rpc.rpc_probe import PROTOCOL, probe
from tests.support.rpc_server import free_port

HELLO = struct.pack("<BQ", 14, 24) + bytes(24)


def reply(major: int) -> bytes:
    return struct.pack("<QBBBB", 28, major, 0, 0, 0) + bytes(24)


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on loopback that hands its first client to `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            client, _ = server.accept()
            with client:
                serve(client)

        thread = threading.Thread(target=run)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_an_rpc_server_is_greeted_in_its_own_words() -> None:
    heard = []

    def serve(client: socket.socket) -> None:
        heard.append(client.recv(len(HELLO), socket.MSG_WAITALL))
        client.sendall(reply(PROTOCOL))

    with listener(serve) as endpoint:
        probe(endpoint, "den-pc")
    assert heard == [HELLO]


def test_another_version_is_told_from_this_one() -> None:
    def serve(client: socket.socket) -> None:
        client.recv(len(HELLO), socket.MSG_WAITALL)
        client.sendall(reply(PROTOCOL - 1))

    with listener(serve) as endpoint, pytest.raises(RpcError, match=f"den-pc speaks version {PROTOCOL - 1}"):
        probe(endpoint, "den-pc")


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", struct.pack("<Q", 1 << 60)])
def test_something_else_than_an_rpc_server_is_refused(words: bytes) -> None:
    def serve(client: socket.socket) -> None:
        client.recv(len(HELLO), socket.MSG_WAITALL)
        client.sendall(words)

    with listener(serve) as endpoint, pytest.raises(RpcError, match="no rpc-server"):
        probe(endpoint, "den-pc")


def test_a_server_that_is_busy_with_another_program_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_probe, "GREETING_TIMEOUT_S", 0.05)
    done = threading.Event()
    with listener(lambda client: done.wait(60) and None) as endpoint:
        with pytest.raises(RpcError, match="does not answer"):
            probe(endpoint, "den-pc")
        done.set()


def test_a_computer_without_an_rpc_server_cannot_be_reached() -> None:
    with pytest.raises(RpcError, match="den-pc cannot be reached"):
        probe(f"127.0.0.1:{free_port()}", "den-pc")
