"""The address of another computer's rpc-server, checked before anything connects to it."""

import ipaddress
import socket
import threading

from app.base.errors import EngineError
from app.engine.protocol import RpcServer

DEFAULT_PORT = 50052
"""rpc-server's own default (tools/rpc/rpc-server.cpp)."""

RESOLVE_TIMEOUT_S = 3.0


class RpcError(EngineError):
    """Another computer cannot be used; its address is in the values as `address`."""


class NotLocal(RpcError):
    """It is not in the local network: the user may insist on it."""


def parse_address(address: str) -> tuple[str, int]:
    """Parse "host", "host:port" or "1.2.3.4:port" into host and port. Raises `RpcError`."""
    host, colon, port = address.strip().partition(":")
    if ":" in port:
        raise RpcError(
            "{address} looks like an IPv6 address, which llama.cpp's rpc-server does not speak.",
            "Give the computer's name or its IPv4 address, such as 192.168.1.20:{port}.",
            address=address,
            port=DEFAULT_PORT,
        )
    valid_port = port.isascii() and port.isdecimal() and 0 < int(port) < 65536 if colon else True
    if not host or not valid_port or not all(c.isalnum() or c in "-._" for c in host):
        raise RpcError(
            "{address} is no address of another computer.",
            "Give its name or IPv4 address and the port of its rpc-server, such as 192.168.1.20:{port}.",
            address=address,
            port=DEFAULT_PORT,
        )
    return host, int(port) if colon else DEFAULT_PORT


def numeric_endpoint(server: RpcServer) -> str:
    """Resolve `server` to "1.2.3.4:port", which is what llama.cpp gets, so that a name means one computer
    throughout.

    Waits for the name service up to `RESOLVE_TIMEOUT_S`. Raises `RpcError` for an address that is wrong,
    unknown, or not in the local network.
    """
    host, port = parse_address(server.address)
    address = _resolved(host, server.address)
    if not server.anywhere and not is_local(address):
        raise NotLocal(
            "{address} is not in the local network. llama.cpp's RPC has neither password nor encryption: "
            "whoever can reach the connection can read the conversation and take over both computers.",
            "Use it through a VPN, or allow this address expressly if you know what lies between.",
            address=server.address,
        )
    return f"{address}:{port}"


def is_local(address: ipaddress.IPv4Address) -> bool:
    """Tell whether an address belongs to this computer or to a private network (RFC 1918, RFC 3927)."""
    return address.is_loopback or address.is_private or address.is_link_local


def _resolved(host: str, shown: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        pass
    found: list[str] = []

    def resolve() -> None:
        try:
            found.append(str(socket.getaddrinfo(host, None, socket.AF_INET)[0][4][0]))
        except (OSError, UnicodeError):
            return

    # The name service may take minutes to say no, and cannot be asked to hurry.
    thread = threading.Thread(target=resolve, name="resolve", daemon=True)
    thread.start()
    thread.join(RESOLVE_TIMEOUT_S)
    if not found:
        raise RpcError(
            "No computer with the name {host} was found.",
            "Check the name, or use the computer's IPv4 address.",
            host=host,
            address=shown,
        )
    return ipaddress.IPv4Address(found[0])
