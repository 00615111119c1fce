"""TLS with the user's own certificate."""

import shutil
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from app.engine.client import EngineClient
from tests.support.api import KEY, served


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_what_is_sent_is_encrypted(api_engine: EngineClient, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stillroom",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    trusted = ssl.create_default_context(cafile=str(certificate))
    with served(api_engine, tmp_path, certificate=certificate, private_key=key) as api:
        assert api.url.startswith("https://127.0.0.1:")
        with httpx.Client(verify=trusted, headers={"Authorization": f"Bearer {KEY}"}) as http:
            assert http.get(f"{api.url}/v1/models").status_code == 200
            own = {"Origin": api.url}
            assert http.get(f"{api.url}/health", headers=own).status_code == 200
        with httpx.Client() as plain, pytest.raises(httpx.TransportError):
            plain.get(api.url.replace("https", "http"))
