"""llama.cpp's own rpc-server as a process on loopback, as another computer would run it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.base.children import child_command
from app.base.errors import EngineError
from app.engine.rpc.rpc_lending import RpcLending, RpcServe


def free_port() -> int:
    """A port of this computer that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def rpc_server(port: int = 0) -> Iterator[RpcLending]:
    """A running rpc-server; skips the test where llama.cpp was built without RPC."""
    serve = RpcServe(endpoint=f"127.0.0.1:{port or free_port()}", threads=1)
    lending = RpcLending(child_command("rpc_server"), serve)
    try:
        lending.wait_until_it_answers(threading.Event())
    except EngineError as error:
        lending.close()
        if "without RPC" in error.message:
            pytest.skip(str(error))
        raise
    try:
        yield lending
    finally:
        lending.close()
