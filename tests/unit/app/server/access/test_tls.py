"""TLS with the user's own certificate."""

import ssl
from pathlib import Path

import httpx
import pytest

from app.commands.terminal.running_server import running_server
from app.engine.client.client import EngineClient
from app.server.access.discovery import announce_server
from tests.support.api import KEY, MODEL, served
from tests.support.certificates import make_certificate


def test_what_is_sent_is_encrypted(api_engine: EngineClient, tmp_path: Path) -> None:
    own = make_certificate(tmp_path, "stillroom", "127.0.0.1")
    trusted = ssl.create_default_context(cafile=str(own.path))
    with served(api_engine, tmp_path, certificate=own.path, private_key=own.key) as api:
        assert api.url.startswith("https://127.0.0.1:")
        with httpx.Client(verify=trusted, headers={"Authorization": f"Bearer {KEY}"}) as http:
            assert http.get(f"{api.url}/v1/models").status_code == 200
            same_origin = {"Origin": api.url}
            assert http.get(f"{api.url}/health", headers=same_origin).status_code == 200
        with httpx.Client() as plain, pytest.raises(httpx.TransportError):
            plain.get(api.url.replace("https", "http"))


def test_the_command_line_finds_it_whoever_vouches_for_it_and_whatever_its_name(
    api_engine: EngineClient, tmp_path: Path
) -> None:
    root = make_certificate(tmp_path, "root")
    own = make_certificate(tmp_path, "box.example", "box.example", issuer=root)
    # All in one file, as some servers want it.
    both = tmp_path / "both.pem"
    both.write_bytes(own.key.read_bytes() + own.path.read_bytes() + root.path.read_bytes())
    with served(api_engine, tmp_path, certificate=both, private_key=both) as api:
        found = running_server(api.paths)
        assert found is not None
        assert [model.id for model in found[1]] == [MODEL]
        assert "PRIVATE" not in api.paths.server_file.read_text()


def test_the_key_is_not_shown_to_another_server_in_its_place(
    api_engine: EngineClient, tmp_path: Path
) -> None:
    own = make_certificate(tmp_path, "stillroom")
    other = make_certificate(tmp_path, "stillroom-too")
    with served(api_engine, tmp_path, certificate=own.path, private_key=own.key) as api:
        announce_server(api.paths, url=api.url, key=KEY, version="1", certificate=other.path.read_text())
        assert running_server(api.paths) is None
        announce_server(api.paths, url=api.url, key=KEY, version="1")
        assert running_server(api.paths) is None
