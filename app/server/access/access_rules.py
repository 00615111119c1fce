"""Decide who may call: by Host, Origin and key. Pure: what is counted, `Guard` of `middleware.py` counts."""

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.server.access.api_error import ApiError
from app.server.access.config import ServerConfig, is_loopback

OPEN_PATHS = frozenset({"/", "/health", "/docs", "/openapi.json"})
"""They tell nothing about the user, and are there for who has no key yet."""


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Decides on the headers of a request; names of headers in lower case.

    A web page that the user visits can send requests to this computer, from its own origin or, by a name
    that its owner makes point here (DNS rebinding), from what looks like ours: so Host must be an address or
    a name of this computer, Origin must be on the list, and the key is needed besides.
    """

    config: ServerConfig
    port: int
    """The one it listens on."""
    names: tuple[str, ...] = ()
    """Further names of this computer; used only where others may connect."""

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raise `ApiError` unless the request may be served."""
        self._check_host(headers.get("host", ""))
        self._check_origin(headers)
        if path not in OPEN_PATHS or method not in ("GET", "HEAD"):
            self._check_key(headers)
        if method == "POST":
            check_content_type(headers.get("content-type", ""))

    def allows_origin(self, origin: str) -> bool:
        """Tell whether a page of this origin may call."""
        if origin in self.config.origins:
            return True
        try:
            parts = urlsplit(origin)
            own = parts.scheme == ("https" if self.config.speaks_tls else "http") and parts.port == self.port
        except ValueError:
            return False
        return own and self._is_own(parts.hostname or "")

    def _check_host(self, host: str) -> None:
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        if not self._is_own(name.strip("[]")):
            raise ApiError(
                403,
                "Requests for this host name are not served.",
                "Use the address that Stillroom shows.",
                code="host_not_allowed",
            )

    def _is_own(self, name: str) -> bool:
        name = name.lower()
        if is_loopback(name):
            return True
        if self.config.is_loopback:
            return False
        try:
            # A literal address cannot be made to point elsewhere.
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names
        return True

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        origin = headers.get("origin")
        if origin is not None and not self.allows_origin(origin):
            raise ApiError(
                403,
                "Web pages of this origin may not call Stillroom.",
                "Add the origin to the allowed ones in Stillroom, if you trust it.",
                code="origin_not_allowed",
            )
        site = headers.get("sec-fetch-site", "none")
        if origin is None and site not in ("none", "same-origin"):
            # A browser leaves Origin out of what pictures and scripts ask for.
            raise ApiError(403, "Web pages may not call Stillroom.", code="origin_not_allowed")

    def holds_key(self, authorization: str) -> bool:
        """Tell whether the value of the header Authorization is the key."""
        scheme, _, given = authorization.partition(" ")
        expected = self.config.key.encode()
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), expected)

    def _check_key(self, headers: Mapping[str, str]) -> None:
        if not self.holds_key(headers.get("authorization", "")):
            raise ApiError(
                401,
                "The key is missing or wrong.",
                "Send the header Authorization: Bearer KEY with the key that Stillroom shows.",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )


def check_content_type(value: str) -> None:
    """Raise `ApiError` for anything but JSON: a form or plain text needs no permission from a browser."""
    kind, _, rest = value.partition(";")
    charset = rest.strip().lower()
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8", 'charset="utf-8"'):
        raise ApiError(
            415,
            "The body must be JSON.",
            "Send the header Content-Type: application/json.",
            code="unsupported_media_type",
        )
