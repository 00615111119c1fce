"""The settings of the local API: its address, and whom it lets in."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from app.engine.protocol import Priority
from app.server.access.server_limits import Limits
from app.settings import Settings

LOOPBACK = "127.0.0.1"
ANYWHERE = "0.0.0.0"
"""Every network of this computer."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The address to listen on, and whom to let in.

    `port` 0 is any free one. `origins` are web pages that may call ("https://example.org"), beside the
    server's own page. With `certificate` and `private_key` (PEM files) it speaks TLS.
    """

    key: str
    port: int
    host: str = LOOPBACK
    origins: tuple[str, ...] = ()
    certificate: Path | None = None
    private_key: Path | None = None
    priority: Priority = "background"
    limits: Limits = field(default_factory=Limits)

    @property
    def is_loopback(self) -> bool:
        """Only programs on this computer can connect."""
        return is_loopback(self.host)

    @property
    def speaks_tls(self) -> bool:
        """Tell whether what is sent is encrypted."""
        return self.certificate is not None and self.private_key is not None


def config_of(values: Settings, key: str) -> ServerConfig:
    """The server as the user has set it."""
    return ServerConfig(
        key=key,
        port=values.api_port,
        host=ANYWHERE if values.api_network else LOOPBACK,
        origins=values.api_origins,
        certificate=Path(values.api_certificate) if values.api_certificate else None,
        private_key=Path(values.api_private_key) if values.api_private_key else None,
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address, or "localhost", means this computer alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
