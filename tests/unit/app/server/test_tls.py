"""TLS with the user's own certificate."""

import shutil
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from app.commands.running_server import running_server
from app.engine.client import EngineClient
from app.server.discovery import announce_server
from tests.support.api import KEY, MODEL, served

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificates with openssl")


def make_certificate(folder: Path, name: str, *options: str) -> tuple[Path, Path]:
    """A certificate and its private key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-keyout", str(key), "-out", str(certificate), *options],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def test_what_is_sent_is_encrypted(api_engine: EngineClient, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "stillroom", "-addext", "subjectAltName=IP:127.0.0.1")
    trusted = ssl.create_default_context(cafile=str(certificate))
    with served(api_engine, tmp_path, certificate=certificate, private_key=key) as api:
        assert api.url.startswith("https://127.0.0.1:")
        with httpx.Client(verify=trusted, headers={"Authorization": f"Bearer {KEY}"}) as http:
            assert http.get(f"{api.url}/v1/models").status_code == 200
            own = {"Origin": api.url}
            assert http.get(f"{api.url}/health", headers=own).status_code == 200
        with httpx.Client() as plain, pytest.raises(httpx.TransportError):
            plain.get(api.url.replace("https", "http"))


def test_the_command_line_finds_it_whoever_vouches_for_it_and_whatever_its_name(
    api_engine: EngineClient, tmp_path: Path
) -> None:
    root = make_certificate(tmp_path, "root")
    options = ("-CA", str(root[0]), "-CAkey", str(root[1]), "-addext", "subjectAltName=DNS:box.example")
    certificate, key = make_certificate(tmp_path, "box.example", *options)
    # All in one file, as some servers want it.
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes() + root[0].read_bytes())
    with served(api_engine, tmp_path, certificate=both, private_key=both) as api:
        found = running_server(api.paths)
        assert found is not None
        assert [model.id for model in found[1]] == [MODEL]
        assert "PRIVATE" not in api.paths.server_file.read_text()


def test_the_key_is_not_shown_to_another_server_in_its_place(
    api_engine: EngineClient, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path, "stillroom")
    other, _ = make_certificate(tmp_path, "stillroom-too")
    with served(api_engine, tmp_path, certificate=certificate, private_key=key) as api:
        announce_server(api.paths, url=api.url, key=KEY, version="1", certificate=other.read_text())
        assert running_server(api.paths) is None
        announce_server(api.paths, url=api.url, key=KEY, version="1")
        assert running_server(api.paths) is None
