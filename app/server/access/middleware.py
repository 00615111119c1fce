"""The checks on every request before an endpoint sees it: who asks, and how much is sent."""

import asyncio
import contextlib
import re
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.server.access.access_rules import AccessRules
from app.server.access.api_error import ApiError, error_response
from app.server.access.json_check import check_json
from app.server.access.server_limits import Limits
from app.server.access.stats import ServerStats

_NAMES = re.compile(r"[A-Za-z0-9-]+(, ?[A-Za-z0-9-]+){0,30}")

ADMITTED = frozenset(
    (
        "/generate",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/api/chat",
        "/api/generate",
        "/api/embed",
    )
)
"""The paths whose requests `Admission` admits."""

AT_ONCE_BYTES = 256 * 1024
"""A larger body is looked at beside the loop."""

METHODS = ("GET", "HEAD", "POST", "OPTIONS")


class Guard:
    """An ASGI application around another one. The body is read here, whole, checked, and handed on."""

    def __init__(
        self,
        app: ASGIApp,
        rules: AccessRules,
        limits: Limits,
        stats: ServerStats,
        refusal: Callable[[], ApiError | None] = lambda: None,
    ) -> None:
        """`refusal` says why no reply would be admitted now."""
        self._refusal = refusal
        self._app = app
        self._rules = rules
        self._limits = limits
        self._stats = stats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] != "http":
            # There are no web sockets here, and no lifespan.
            return
        path, method = scope["path"], scope["method"]
        headers: dict[str, str] = {}
        origin: str | None = None
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._extra(origin)]
            await send(message)

        try:
            try:
                self._check_length(scope)
                headers = _headers(scope)
                origin = headers.get("origin")
                _check_framing(headers)
                if method not in METHODS:
                    raise ApiError(405, "This method is not known here.", code="method_not_allowed")
                if method == "OPTIONS":
                    self._rules.check("GET", "/", headers)
                    await _preflight(headers)(scope, receive, answer)
                    return
                self._rules.check(method, path, headers)
                if method == "POST":
                    self._refuse_early(path, headers)
                body = await self._body(method, headers, receive)
            except ApiError as error:
                await error_response(path, error)(scope, receive, answer)
                return
            await self._app(scope, _replay(body, receive), answer)
        finally:
            self._stats.answered(path, status)

    def _check_length(self, scope: Scope) -> None:
        """Raise `ApiError` for headers that are longer than h11 waits for: it takes what is there at once."""
        length = sum(len(name) + len(value) for name, value in scope["headers"])
        if length + len(scope["raw_path"]) + len(scope["query_string"]) > self._limits.head_bytes:
            raise ApiError(
                431,
                "The request's headers are larger than {limit} bytes.",
                code="headers_too_large",
                headers={"Connection": "close"},
                limit=self._limits.head_bytes,
            )

    def _extra(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        extra = [
            (b"x-content-type-options", b"nosniff"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"vary", b"Origin"),
        ]
        if origin is not None and self._rules.allows_origin(origin):
            extra[1] = (b"access-control-allow-origin", origin.encode())
        return extra

    def _refuse_early(self, path: str, headers: dict[str, str]) -> None:
        """While there is no room, nothing of a request is looked at: refusing a hundred clients must cost the
        window, which shares this process, next to nothing. uvicorn reads past its body, so one that may be
        endless goes the usual way."""
        declared = headers.get("content-length", "")
        if path in ADMITTED and declared.isdigit() and int(declared) <= self._limits.body_bytes:
            refused = self._refusal()
            if refused is not None:
                raise refused

    async def _body(self, method: str, headers: dict[str, str], receive: Receive) -> bytes:
        declared = headers.get("content-length", "0")
        body = None
        if declared.isdigit() and int(declared) <= self._limits.body_bytes:
            body = await self._read(receive)
        if body is None:
            await self._drain(receive)
            raise ApiError(
                413,
                "The body is larger than {limit} bytes.",
                code="request_too_large",
                headers={"Connection": "close"},
                limit=self._limits.body_bytes,
            )
        if method == "POST":
            if len(body) > AT_ONCE_BYTES:
                await asyncio.to_thread(check_json, body, self._limits.json_depth, self._limits.json_values)
            else:
                check_json(body, self._limits.json_depth, self._limits.json_values)
        elif body:
            raise ApiError(400, "A request of this kind has no body.", code="invalid_request")
        return body

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body; None where it is too large."""
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.body_s):
                while len(body) <= self._limits.body_bytes:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ApiError(400, "The request ended before its body was there.")
                    body += message.get("body", b"")
                    if not message.get("more_body", False):
                        return bytes(body) if len(body) <= self._limits.body_bytes else None
        except TimeoutError:
            raise ApiError(
                408,
                "The body did not arrive within {seconds} s.",
                code="request_timeout",
                headers={"Connection": "close"},
                seconds=self._limits.body_s,
            ) from None
        return None

    async def _drain(self, receive: Receive) -> None:
        """Let the client send on for a moment: one that reads only after sending all would get no answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.drain_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return


def _check_framing(headers: dict[str, str]) -> None:
    """Raise `ApiError` for a body whose length is told twice: it may be another request to whoever is between
    (RFC 9112, 6.1)."""
    if "content-length" in headers and "transfer-encoding" in headers:
        raise ApiError(
            400,
            "A request has either Content-Length or Transfer-Encoding.",
            code="invalid_request",
            headers={"Connection": "close"},
        )


def _headers(scope: Scope) -> dict[str, str]:
    # Of a name that comes twice neither is right.
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        key = name.decode("latin-1")
        found[key] = f"{found[key]},{text}" if key in found else text
    return found


def _preflight(headers: dict[str, str]) -> Response:
    if "origin" not in headers:
        return Response(status_code=204, headers={"Allow": ", ".join(METHODS)})
    # The page's origin is allowed by now. Clients' libraries send headers of their own.
    asked = headers.get("access-control-request-headers", "")
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": asked if _NAMES.fullmatch(asked) else "authorization, content-type",
        "Access-Control-Max-Age": "600",
    }
    if headers.get("access-control-request-private-network") == "true":
        allowed["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=allowed)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body again, and then the connection's own messages."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
