"""`stillroom update` from a release on loopback: what is believed, and a download that is killed.

Installing is tests/packaging/test_update_kills.py.
"""

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.update.release_feed import installed_kind
from tests.support.folder_server import key_pair, serve_folder
from tests.support.waiting import wait_until

INSTALLER_BYTES = 48 << 20
NAME = "an installer"


class Published:
    """A release in a folder that is served, signed with a key of its own."""

    def __init__(self, folder: Path, installer: bytes) -> None:
        self._secret, self.key = key_pair()
        self.folder = folder
        self.installer = installer
        folder.mkdir()
        (folder / NAME).write_bytes(installer)
        self.address = ""

    def say(self, version: str) -> None:
        """Sign that this version is the newest."""
        digest = hashlib.sha256(self.installer).hexdigest()
        file = {"kind": installed_kind(), "name": NAME, "bytes": len(self.installer), "sha256": digest}
        feed = json.dumps({"version": version, "notes": "", "files": [file]}).encode()
        secret = load_pem_private_key(self._secret.encode(), None)
        (self.folder / "release.json").write_bytes(feed)
        (self.folder / "release.json.sig").write_bytes(secret.sign(feed))  # type: ignore[union-attr,call-arg]

    def start(self, installed: str, home: Path, *options: str) -> subprocess.Popen[bytes]:
        """Let a Stillroom of the version `installed` look for a newer one."""
        command = [sys.executable, "-m", "tests.support.update_child", installed, self.address, self.key]
        environment = os.environ | {"STILLROOM_HOME": str(home)}
        return subprocess.Popen(
            [*command, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )


@pytest.fixture
def published(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Published]:
    size = getattr(request, "param", 1 << 20)
    release = Published(tmp_path / "release", random.Random(1).randbytes(size))
    with serve_folder(release.folder) as address:
        release.address = address
        yield release


def asked(published: Published, home: Path, folder: Path) -> dict[str, object]:
    """Give what a Stillroom 1.2.0 is told, and let it fetch."""
    child = published.start("1.2.0", home, "--download", str(folder), "--json")
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    document = json.loads(out)
    assert isinstance(document, dict)
    return document


def test_a_feed_that_was_signed_long_ago_brings_no_older_version(
    published: Published, tmp_path: Path
) -> None:
    for version, is_newer in (("1.1.9", False), ("1.2.0", False), ("1.2.0rc1", False), ("1.10.0", True)):
        published.say(version)
        folder = tmp_path / version
        found = asked(published, tmp_path / "home", folder)
        assert (found["newest"], found["is_newer"]) == (version, is_newer)
        assert folder.exists() == is_newer


def test_what_another_key_has_signed_is_refused(published: Published, tmp_path: Path) -> None:
    published.say("9.9.9")
    _, published.key = key_pair()
    child = published.start("1.2.0", tmp_path / "home", "--download", str(tmp_path / "got"))
    _, err = child.communicate(timeout=120)
    assert child.returncode == 1
    assert b"not signed by Stillroom's key" in err
    assert not (tmp_path / "got").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a child there gets no Ctrl+C of its own")
def test_a_server_that_says_nothing_is_given_up_when_the_user_wishes(
    published: Published, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        published.address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        child = published.start("1.2.0", tmp_path / "home")
        connection, _ = silent.accept()
        with connection:
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=120)
    assert child.returncode == 130, err


@pytest.mark.faults
@pytest.mark.parametrize("published", [INSTALLER_BYTES], indirect=True)
def test_twenty_kills_while_the_installer_comes(published: Published, tmp_path: Path) -> None:
    published.say("1.3.0")
    folder = tmp_path / "got"
    rng = random.Random()
    killed = 0
    for _ in range(100):
        child = published.start("1.2.0", tmp_path / "home", "--download", str(folder))
        killed += kill_at(child, folder, int(rng.uniform(0.01, 1.0) * INSTALLER_BYTES))
        # Under its name it is whole, or not there.
        assert not (folder / NAME).exists() or (folder / NAME).read_bytes() == published.installer
        if killed >= 20:
            break
        if child.returncode == 0:
            (folder / NAME).unlink()
    assert killed >= 20
    assert asked(published, tmp_path / "home", folder)["path"] == str(folder / NAME)
    assert (folder / NAME).read_bytes() == published.installer


def kill_at(child: subprocess.Popen[bytes], folder: Path, arrived_bytes: int) -> bool:
    """Kill it once so much is there; False where it had ended."""
    wait_until(lambda: child.poll() is not None or came(folder) >= arrived_bytes, "a part of it")
    alive = child.poll() is None
    child.kill()
    child.communicate()
    return alive


def came(folder: Path) -> int:
    """Sum what there is of it, whatever its name is."""
    # Of a file that is laid out before it comes only what was written takes space.
    return sum(file.stat().st_blocks * 512 for file in folder.glob("*")) if folder.exists() else 0
