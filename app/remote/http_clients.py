"""HTTP clients for remote servers. Replies share them: making one anew, with the certificates that it trusts,
takes longer than many a first token."""

import httpx

from app.remote.remote_server import ElsewhereServer, is_loopback
from models.system.trusted_certificates import trusted_context

CONNECT_S = 10.0
SILENT_S = 600.0
"""So long a server may work on a prompt without a word."""


class Connections:
    """Belongs to one event loop, on which it is closed."""

    def __init__(self) -> None:
        self._clients: dict[bool, httpx.AsyncClient] = {}

    def to(self, server: ElsewhereServer) -> httpx.AsyncClient:
        """Return the client for a server. It keeps no key: each request carries its own."""
        # A server on this computer is not asked through a proxy.
        by_environment = not is_loopback(server.url)
        if by_environment not in self._clients:
            self._clients[by_environment] = httpx.AsyncClient(
                timeout=httpx.Timeout(SILENT_S, connect=CONNECT_S),
                # A line for each reply: closing it is how a server hears that nobody waits any more.
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
                # So that the key goes nowhere else.
                follow_redirects=False,
                trust_env=by_environment,
                verify=trusted_context(),
            )
        return self._clients[by_environment]

    async def close(self) -> None:
        """Close them all."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()
