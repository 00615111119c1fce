"""An installed copy on a company's network: nothing outside is reached but through its proxy."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.update.release_feed import installed_kind
from tests.support.certificates import Certificate, make_certificate
from tests.support.cli import TIMEOUT_S, Cli, Ran
from tests.support.folder_server import key_pair, serve_folder
from tests.support.forward_proxy import ForwardProxy, forward_proxy
from tests.support.hub import LoopbackHub

pytestmark = pytest.mark.timeout(300)

# No resolver knows it.
HUB = "hub.invalid"
RELEASES = "releases.invalid"
REPO = "someone/small"
CREDENTIALS = "me:p@ss:word"
WRITTEN = "me:p%40ss%3Aword"
"""The same, as an address has it."""


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path, "company", HUB, RELEASES, "127.0.0.1")


@pytest.fixture
def hub(certificate: Certificate, tmp_path: Path) -> Iterator[LoopbackHub]:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights" * 100_000)
    (folder / "config.json").write_text("{}")
    with LoopbackHub(certificate=certificate) as server:
        server.add(REPO, folder)
        yield server


@contextmanager
def company(hub: LoopbackHub, **options: str) -> Iterator[ForwardProxy]:
    with forward_proxy({f"{HUB}:443": hub.storage.removeprefix("https://")}, **options) as proxy:
        yield proxy


def pull(folder: Path, certificate: Certificate, proxy: str) -> Ran:
    cli = Cli(folder / "home", f"https://{HUB}")
    return ran(cli.command("pull", REPO, "--out", str(folder / "got")), cli.environment(), certificate, proxy)


def ran(command: list[str], environment: Mapping[str, str], certificate: Certificate, proxy: str) -> Ran:
    company = {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "SSL_CERT_FILE": str(certificate.path)}
    kept = {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        command,
        env=kept | company,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("credentials", ["", CREDENTIALS])
def test_a_model_comes_through_it(
    credentials: str, hub: LoopbackHub, certificate: Certificate, tmp_path: Path
) -> None:
    with company(hub, credentials=credentials) as proxy:
        address = proxy.address.replace("//", f"//{WRITTEN}@") if credentials else proxy.address
        got = pull(tmp_path, certificate, address)
    assert got.code == 0, got.err
    assert (tmp_path / "got" / "model.safetensors").read_bytes() == b"weights" * 100_000
    assert f"CONNECT {HUB}:443 HTTP/1.1" in proxy.asked
    assert f"CONNECT {hub.storage.removeprefix('https://')} HTTP/1.1" in proxy.asked


@pytest.mark.parametrize("given", ["", "me:wrong@"])
def test_a_password_that_is_missing_or_wrong_is_told_at_once(
    given: str, hub: LoopbackHub, certificate: Certificate, tmp_path: Path
) -> None:
    with company(hub, credentials=CREDENTIALS) as proxy:
        got = pull(tmp_path, certificate, proxy.address.replace("//", f"//{given}"))
    assert got.code == 1
    assert f"The proxy on the way to {HUB} asks for a name and a password" in got.err
    assert "HTTPS_PROXY" in got.err
    assert "wrong" not in got.err
    assert len(proxy.asked) == 1


def test_a_proxy_that_lets_nothing_through_is_told_at_once(
    hub: LoopbackHub, certificate: Certificate, tmp_path: Path
) -> None:
    with company(hub, refused="403 Blocked by policy") as proxy:
        got = pull(tmp_path, certificate, proxy.address)
    assert got.code == 1
    assert f"The proxy on the way to {HUB} lets nothing through: 403 Blocked by policy" in got.err
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("credentials", ["", CREDENTIALS])
def test_an_update_comes_through_it(credentials: str, certificate: Certificate, tmp_path: Path) -> None:
    secret, key = key_pair()
    release = tmp_path / "release"
    release.mkdir()
    (release / "installer").write_bytes(b"new" * 10_000)
    file = {
        "kind": installed_kind(),
        "name": "installer",
        "bytes": 30_000,
        "sha256": hashlib.sha256(b"new" * 10_000).hexdigest(),
    }
    feed = json.dumps({"version": "1.3.0", "notes": "", "files": [file]}).encode()
    (release / "release.json").write_bytes(feed)
    signer = load_pem_private_key(secret.encode(), None)
    (release / "release.json.sig").write_bytes(signer.sign(feed))  # type: ignore[union-attr,call-arg]
    with (
        serve_folder(release, certificate) as address,
        forward_proxy({f"{RELEASES}:443": address.removeprefix("https://")}, credentials) as proxy,
    ):
        command = [sys.executable, "-m", "tests.support.update_child", "1.2.0", f"https://{RELEASES}", key]
        environment = os.environ | {"STILLROOM_HOME": str(tmp_path / "home")}
        options = ["--download", str(tmp_path / "got"), "--json"]
        by = proxy.address.replace("//", f"//{WRITTEN}@") if credentials else proxy.address
        got = ran([*command, *options], environment, certificate, by)
        refused = ran(command, environment, certificate, proxy.address)
    assert got.code == 0, got.err
    assert (tmp_path / "got" / "installer").read_bytes() == b"new" * 10_000
    assert (refused.code == 0) == (not credentials)
    if credentials:
        assert "asks for a name and a password" in refused.err


def test_a_question_is_answered_behind_it(tmp_path: Path) -> None:
    """The window's own connections on loopback go past the proxy, which leads nowhere."""
    cli = Cli(tmp_path)
    question = cli.command("chat", "starter", "Say hello.", "--temperature", "0", "--max-tokens", "4")
    proxy = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run(
        question,
        env=cli.environment() | proxy,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
