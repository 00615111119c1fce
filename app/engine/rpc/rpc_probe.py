"""Asks an rpc-server for its first words, with a time limit, before llama.cpp itself connects.

llama.cpp's own client ends the process where nobody answers, where another version does, or waits for ever
where the server is busy with another program: it serves one at a time. The greeting is that of
ggml/src/ggml-rpc/ggml-rpc.cpp (`negotiate_hello`): one byte of command, the length of what follows as a
64-bit number, then 24 bytes of capabilities; the reply has its length, then the version in three bytes.
"""

import socket
import struct

from app.engine.rpc.rpc_address import RpcError

CONNECT_TIMEOUT_S = 2.0
GREETING_TIMEOUT_S = 3.0

PROTOCOL = 7
"""RPC_PROTO_MAJOR_VERSION of ggml/include/ggml-rpc.h; a test asks the installed llama.cpp."""

_HELLO = 14
_CAPABILITIES_BYTES = 24
_REPLY_BYTES = 4 + _CAPABILITIES_BYTES


def probe(endpoint: str, address: str) -> None:
    """Return when an rpc-server of our version answers at `endpoint` ("1.2.3.4:port"); else raise `RpcError`.

    `address` is what the user calls it. Takes up to `CONNECT_TIMEOUT_S` + `GREETING_TIMEOUT_S`.
    """
    with connect(endpoint, address) as connection:
        connection.settimeout(GREETING_TIMEOUT_S)
        try:
            connection.sendall(struct.pack("<BQ", _HELLO, _CAPABILITIES_BYTES) + bytes(_CAPABILITIES_BYTES))
            (length,) = struct.unpack("<Q", _read(connection, 8))
            reply = _read(connection, _REPLY_BYTES) if length == _REPLY_BYTES else b""
        except TimeoutError:
            raise RpcError(
                "{address} accepts the connection but does not answer.",
                "Its rpc-server serves one program at a time: end the other one, or check the port.",
                address=address,
            ) from None
        except OSError:
            reply = b""
    if not reply:
        raise RpcError(
            "What answers at {address} is no rpc-server, or one of another version of llama.cpp.",
            "Start ggml-rpc-server of the same version as the llama.cpp here, and check the port.",
            address=address,
        )
    if reply[0] != PROTOCOL:
        raise RpcError(
            "The rpc-server at {address} speaks version {theirs} of its protocol, and this llama.cpp {ours}.",
            "Use the same version of llama.cpp on both computers.",
            address=address,
            theirs=reply[0],
            ours=PROTOCOL,
        )


def connect(endpoint: str, address: str) -> socket.socket:
    """Open a TCP connection to `endpoint`; raises `RpcError` when nobody accepts it in time."""
    host, _, port = endpoint.partition(":")
    try:
        return socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S)
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise RpcError(
            "The computer {address} cannot be reached ({reason}).",
            "Check that it is on, that ggml-rpc-server runs there with its “--host” set to that computer's "
            "address, and that its firewall lets this computer in.",
            address=address,
            reason=reason,
        ) from error


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data
