"""Newer releases: what is believed, and what is downloaded. The server and the key are the test's own."""

import hashlib
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.base.errors import StillroomError
from app.update.release_feed import (
    ReleasePlace,
    fetch_installer,
    installed_kind,
    installer_of,
    is_newer,
    newest_release,
    release_place,
)
from models.system import trusted_certificates
from tests.support.certificates import make_certificate
from tests.support.folder_server import serve_folder

ROOT = Path(__file__).parents[4]
KEY = Ed25519PrivateKey.generate()
INSTALLER = b"stand-in for an installer" * 1000


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the release workflow leaves it."""
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "stillroom_9.9.0_amd64.deb").write_bytes(INSTALLER)
    (folder / "SHA256SUMS").write_text("")
    notes = tmp_path / "notes.md"
    notes.write_text("### Added\n\n- Everything\n")
    monkeypatch.setattr(sys, "argv", ["write_release_feed.py", "v9.9.0", str(notes), str(folder)])
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / "packaging" / "release" / "write_release_feed.py"), run_name="__main__")
    sign(folder)
    return folder


def sign(folder: Path) -> None:
    (folder / "release.json.sig").write_bytes(KEY.sign((folder / "release.json").read_bytes()))


@pytest.fixture
def place(published: Path) -> Iterator[ReleasePlace]:
    with serve_folder(published) as address:
        yield ReleasePlace(address, KEY.public_key().public_bytes_raw())


def test_a_signed_release_is_shown_and_its_installer_verified(place: ReleasePlace, tmp_path: Path) -> None:
    release = newest_release(place)
    assert (release.version, release.notes) == ("9.9.0", "### Added\n\n- Everything")
    file = installer_of(release, "linux-deb")
    assert file is not None
    assert file.sha256 == hashlib.sha256(INSTALLER).hexdigest()
    path = fetch_installer(place, release, file, tmp_path / "downloads")
    assert path.read_bytes() == INSTALLER
    assert installer_of(release, "windows-setup") is None


def test_what_the_key_did_not_sign_is_not_believed(place: ReleasePlace, published: Path) -> None:
    feed = published / "release.json"
    feed.write_text(feed.read_text().replace("9.9.0", "9.9.1"))
    with pytest.raises(StillroomError, match="not signed by Stillroom's key"):
        newest_release(place)
    (published / "release.json.sig").write_bytes(b"short")
    with pytest.raises(StillroomError, match="not signed by Stillroom's key"):
        newest_release(place)


def test_an_installer_that_was_changed_is_not_kept(
    place: ReleasePlace, published: Path, tmp_path: Path
) -> None:
    release = newest_release(place)
    file = installer_of(release, "linux-deb")
    assert file is not None
    (published / file.name).write_bytes(INSTALLER[::-1])
    with pytest.raises(StillroomError):
        fetch_installer(place, release, file, tmp_path / "downloads")
    assert not (tmp_path / "downloads" / file.name).exists()


def test_a_name_that_leaves_the_folder_is_refused(
    place: ReleasePlace, published: Path, tmp_path: Path
) -> None:
    feed = published / "release.json"
    feed.write_text(feed.read_text().replace("stillroom_9.9.0_amd64.deb", "../evil.deb"))
    sign(published)
    release = newest_release(place)
    with pytest.raises(StillroomError, match=r"\.\./evil\.deb"):
        fetch_installer(place, release, release.files[0], tmp_path / "downloads")


def test_nobody_there_is_said(place: ReleasePlace, published: Path) -> None:
    (published / "release.json").unlink()
    with pytest.raises(StillroomError, match="Nobody answered"):
        newest_release(place)


def test_what_the_system_vouches_for_is_asked(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    certificate = make_certificate(tmp_path, "a company", "127.0.0.1")
    with serve_folder(published, certificate) as address:
        place = ReleasePlace(address, KEY.public_key().public_bytes_raw())
        with pytest.raises(StillroomError, match=r"certificate of 127\.0\.0\.1 cannot be trusted"):
            newest_release(place)
        monkeypatch.setattr(trusted_certificates, "SYSTEMS_FILES", (str(certificate.path),))
        release = newest_release(place)
        file = installer_of(release, "linux-deb")
        assert file is not None
        assert fetch_installer(place, release, file, tmp_path / "got").read_bytes() == INSTALLER


def test_a_source_tree_knows_no_releases() -> None:
    with pytest.raises(StillroomError, match="does not come from a release"):
        release_place()


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("0.2.0", "0.1.9", True),
        ("0.10.0", "0.9.0", True),
        ("1.0.0", "1.0.0rc1", True),
        ("1.0.0", "1.0.0", False),
        ("0.9", "0.10", False),
        ("nonsense", "0.1.0", False),
    ],
)
def test_versions_are_compared_by_number(version: str, than: str, newer: bool) -> None:
    assert is_newer(version, than) == newer


@pytest.mark.skipif(sys.platform == "win32", reason="Linux's two installers")
@pytest.mark.parametrize(("machine", "system"), [("x86_64", "linux"), ("aarch64", "linux-aarch64")])
def test_the_package_and_the_users_own_copy_get_their_own_installer(
    machine: str, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert installed_kind(Path("/usr/lib/stillroom/stillroom")) == f"{system}-deb"
    assert installed_kind(Path("/home/a/.local/lib/stillroom/stillroom")) == f"{system}-run"
