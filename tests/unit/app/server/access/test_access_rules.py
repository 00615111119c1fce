"""Who gets in: every combination of Host, Origin, key and content type, over real connections."""

import itertools
import json
import os
import socket
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import psutil
import pytest

from app.engine.client.client import EngineClient
from app.server.access.access_rules import AccessRules
from app.server.access.api_error import ApiError
from app.server.access.config import ServerConfig
from tests.support.api import KEY, Api, served

BODY = json.dumps({"prompt": "Hi", "max_tokens": 1})

# What each header may be, and whether the request may then be served.
HOSTS = [("127.0.0.1:{port}", True), ("localhost", True), ("stillroom.evil.example:{port}", False)]
ORIGINS = [
    (None, True),
    ("http://localhost:{port}", True),
    ("https://evil.example", False),
    ("null", False),
    ("http://127.0.0.1.evil.example:{port}", False),
]
KEYS = [(f"Bearer {KEY}", True), ("Bearer wrong", False)]
TYPES = [("application/json", True), ("text/plain", False)]
COMBINATIONS = list(itertools.product(HOSTS, ORIGINS, KEYS, TYPES))


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_sixty_combinations_and_only_the_friendly_ones_pass(api: Api) -> None:
    assert len(COMBINATIONS) == 60
    for (host, good_host), (origin, good_origin), (key, good_key), (kind, good_kind) in COMBINATIONS:
        headers = {
            "Host": host.format(port=api.port),
            "Authorization": key,
            "Content-Type": kind,
            **({"Origin": origin.format(port=api.port)} if origin is not None else {}),
        }
        response, answer = ask(api.port, "POST", "/generate", headers, BODY)
        may = good_host and good_origin and good_key and good_kind
        expected = 200 if may else 403 if not (good_host and good_origin) else 401 if not good_key else 415
        assert response.status == expected, (headers, answer)
        allowed = response.headers.get("Access-Control-Allow-Origin")
        assert allowed != "*"
        assert (allowed is not None) == (origin is not None and good_origin)


def test_it_listens_on_loopback_only(api: Api) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process().net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == api.port
    ]
    assert listening == ["127.0.0.1"]


def test_pieces_of_a_reply_do_not_wait_for_each_other(api: Api) -> None:
    client = HTTPConnection("127.0.0.1", api.port, timeout=60)
    client.request("GET", "/health")
    client.getresponse().read()
    (accepted,) = (
        connection
        for connection in psutil.Process().net_connections("tcp")
        if connection.raddr and client.sock.getsockname()[1] == connection.raddr.port
    )
    with socket.socket(fileno=os.dup(accepted.fd)) as seen:
        assert seen.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    client.close()


@pytest.mark.parametrize("path", ["/v1/models", "/api/tags", "/metrics", "/nowhere", "//health", "/health/"])
def test_nothing_is_told_without_the_key(api: Api, path: str) -> None:
    response, _ = ask(api.port, "GET", path, {})
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json", "/"])
def test_what_tells_nothing_needs_no_key_but_is_not_for_other_pages(api: Api, path: str) -> None:
    assert ask(api.port, "GET", path, {})[0].status == 200
    assert ask(api.port, "GET", path, {"Host": "evil.example"})[0].status == 403
    assert ask(api.port, "GET", path, {"Sec-Fetch-Site": "cross-site"})[0].status == 403
    assert ask(api.port, "GET", path, {"Sec-Fetch-Site": "none"})[0].status == 200


def test_the_page_fetches_nothing(api: Api) -> None:
    response, page = ask(api.port, "GET", "/docs", {})
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert b"/v1/chat/completions" in page
    assert not any(word in page for word in (b"<script", b"src=", b"href=", b"@import", b"url("))


def test_a_preflight_is_answered_for_allowed_pages_alone(api: Api) -> None:
    wish = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-stainless-os,authorization",
    }
    mine, _ = ask(api.port, "OPTIONS", "/generate", wish | {"Origin": f"http://127.0.0.1:{api.port}"})
    assert mine.status == 204
    assert mine.headers["Access-Control-Allow-Origin"] == f"http://127.0.0.1:{api.port}"
    assert mine.headers["Access-Control-Allow-Headers"] == "x-stainless-os,authorization"
    theirs, _ = ask(api.port, "OPTIONS", "/generate", wish | {"Origin": "https://evil.example"})
    assert theirs.status == 403
    assert "Access-Control-Allow-Origin" not in theirs.headers


@pytest.mark.parametrize(
    "head",
    [
        "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n"
        "Authorization: Bearer {key}\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nAuthorization: Bearer {key}\r\n\r\n",
        "GET /v1/models HTTP/1.0\r\nAuthorization: Bearer {key}\r\n\r\n",
        "GET http://evil.example/v1/models HTTP/1.1\r\nHost: evil.example\r\n"
        "Authorization: Bearer {key}\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        "Authorization: Bearer other\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://localhost\r\n"
        "Origin: https://evil.example\r\nAuthorization: Bearer {key}\r\n\r\n",
    ],
)
def test_doubled_or_missing_headers_are_refused(api: Api, head: str) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=60) as connection:
        connection.sendall(head.format(key=KEY).encode())
        status = connection.recv(100).split(b" ")[1]
    assert status in (b"400", b"401", b"403")


def rules(**options: object) -> AccessRules:
    config = ServerConfig(key=KEY, port=8765, **options)  # type: ignore[arg-type]
    return AccessRules(config, config.port, ("den", "den.local"))


def passes(rules: AccessRules, **headers: str) -> bool:
    given = {
        "authorization": f"Bearer {KEY}",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    try:
        rules.check("GET", "/v1/models", given)
    except ApiError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "loopback", "network"),
    [
        ("127.0.0.1:8765", True, True),
        ("[::1]:8765", True, True),
        ("LocalHost:8765", True, True),
        ("192.168.1.20:8765", False, True),
        ("den.local:8765", False, True),
        ("evil.example", False, False),
        ("localhost.evil.example", False, False),
        ("", False, False),
    ],
)
def test_a_name_can_be_made_to_point_here_but_an_address_cannot(
    host: str, loopback: bool, network: bool
) -> None:
    assert passes(rules(), host=host) == loopback
    assert passes(rules(host="0.0.0.0"), host=host) == network


def test_a_page_that_the_user_has_allowed_may_call() -> None:
    allowing = rules(origins=("https://page.example",))
    assert passes(allowing, host="localhost", origin="https://page.example")
    assert not passes(allowing, host="localhost", origin="https://page.example.evil.example")
    assert not passes(allowing, host="localhost", origin="http://localhost:1")


def test_it_listens_on_the_other_loopback_too(api_engine: EngineClient, tmp_path: Path) -> None:
    with served(api_engine, tmp_path, host="::1") as other, other.http() as http:
        assert other.url.startswith("http://[::1]:")
        assert http.get("/v1/models").status_code == 200
