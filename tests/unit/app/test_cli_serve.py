"""`stillroom serve`: its first line, its key, its end, and what it refuses."""

import json
import signal
import stat
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.cli import TIMEOUT_S, Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_it_prints_its_url_answers_and_ends_with_ctrl_c(cli: Cli) -> None:
    with cli.start(
        "serve", "starter", "--port", "0", "--context", "512", "--threads", "1", "--json"
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        told = json.loads(server.stdout.readline())
        discovery = cli.home / "data" / "server.json"
        found = json.loads(discovery.read_text())
        assert (found["url"], found["key"], found["pid"]) == (told["url"], told["key"], server.pid)
        with httpx.Client(base_url=told["url"], timeout=TIMEOUT_S) as http:
            assert http.get("/v1/models").status_code == 401
            http.headers["Authorization"] = f"Bearer {told['key']}"
            reply = http.post("/generate", json={"prompt": "Hi", "max_tokens": 2}).json()
            assert reply["completion_tokens"] == 2
            assert reply["model"] == told["model"]
        server.send_signal(signal.SIGINT)
        assert server.wait(TIMEOUT_S) == 130
        assert b"Traceback" not in server.stderr.read()
    assert not discovery.exists()
    key_file = cli.home / "data" / "server.key"
    assert key_file.read_text().strip() == told["key"]
    if sys.platform != "win32":
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_opening_it_to_the_network_without_tls_is_warned_of(cli: Cli) -> None:
    arguments = ["--host", "0.0.0.0", "--port", "0", "--key", "k" * 20, "--context", "256", "--threads", "1"]
    with cli.start("serve", "starter", *arguments) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        url = server.stdout.readline().decode().strip()
        assert url.startswith("http://127.0.0.1:")
        assert (
            httpx.get(f"{url}/v1/models", headers={"Authorization": f"Bearer {'k' * 20}"}).status_code == 200
        )
        server.send_signal(signal.SIGINT)
        assert server.wait(TIMEOUT_S) == 130
        assert b"WARNING: other computers can connect, and nothing is encrypted" in server.stderr.read()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--port", "70000"], "65535"),
        (["--key", "short"], "16 characters"),
        (["--key", "with a space in it"], "without spaces"),
        (["--tls-cert", "a.pem"], "belong together"),
    ],
)
def test_what_cannot_be_is_wrong_use(cli: Cli, arguments: list[str], word: str) -> None:
    ran = cli("serve", "starter", *arguments)
    assert ran.code == 2
    assert word in ran.err


def test_a_certificate_that_is_none_is_said(cli: Cli, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    ran = cli(
        "serve",
        "starter",
        "--port",
        "0",
        "--context",
        "256",
        "--tls-cert",
        str(wrong),
        "--tls-key",
        str(wrong),
    )
    assert ran.code == 1
    assert "certificate of the local API cannot be used" in ran.err
