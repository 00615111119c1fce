"""The addresses at which other computers reach a server that listens everywhere."""

import ipaddress
import socket

import psutil

from app.server.access.discovery import Discovery


def addresses_for_others(found: Discovery) -> tuple[str, ...]:
    """The server's address by each network that this computer is in, those of private ones first.

    Which of them another computer can reach is up to the network and to the firewall here.
    """
    scheme, port = found.url.partition("://")[0], found.url.rpartition(":")[2]
    states = psutil.net_if_stats()
    hosts = {
        ipaddress.IPv4Address(address.address)
        for name, addresses in psutil.net_if_addrs().items()
        if name not in states or states[name].isup
        for address in addresses
        if address.family == socket.AF_INET
    }
    usable = [host for host in hosts if not (host.is_loopback or host.is_link_local or host.is_unspecified)]
    usable.sort(key=lambda host: (not host.is_private, host))
    return tuple(f"{scheme}://{host}:{port}" for host in usable)
