"""The Debian folders that releases are made in hold what Debian's archive has signed, or are not made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from linux.debian import PROGRAMS_PATH, Debian  # type: ignore[import-not-found]  # noqa: E402 - a folder of scripts
from linux.release_bundle import copy_sources  # type: ignore[import-not-found]  # noqa: E402


def test_a_signature_is_asked_for_and_nothing_is_made_without_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_DEBIAN_MIRROR", "https://mirror.example/debian")
    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/usr/bin/{name}")
    keyring = tmp_path / "keys.pgp"
    debian = Debian("bookworm", tmp_path / "root")
    with pytest.raises(SystemExit, match="install debian-archive-keyring and gpgv"):
        debian.bootstrap_command([keyring])
    keyring.write_bytes(b"keys")
    command = debian.bootstrap_command([keyring])
    assert {"--force-check-gpg", f"--keyring={keyring}"} <= set(command)
    assert command[-1] == "https://mirror.example/debian"
    monkeypatch.setattr(shutil, "which", lambda name, **_: None)
    with pytest.raises(SystemExit, match="gpgv"):
        debian.bootstrap_command([keyring])


def test_what_a_wheel_left_in_the_folder_is_not_bundled(tmp_path: Path) -> None:
    for name in ("build", "dist", "stillroom.egg-info", "of-another-version"):
        (tmp_path / name).mkdir()
    copy_sources(tmp_path)
    there = {path.name for path in tmp_path.iterdir()}
    assert {"build", "dist", "app", "pyproject.toml"} <= there
    assert not {"stillroom.egg-info", "of-another-version"} & there


@pytest.mark.installers
@pytest.mark.skipif(
    os.geteuid() != 0 if hasattr(os, "geteuid") else True, reason="debootstrap needs root, on Linux"
)
def test_keys_of_somebody_else_stop_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for program in ("debootstrap", "gpgv"):
        if shutil.which(program, path=PROGRAMS_PATH) is None:
            pytest.skip(f"{program} is not installed")
    keyrings = [
        Path(f"/usr/share/keyrings/debian-archive-removed-keys.{ending}") for ending in ("pgp", "gpg")
    ]
    others = next((path for path in keyrings if path.is_file()), None)
    if others is None:
        pytest.skip("debian-archive-keyring is not installed")
    debian = Debian("bookworm", tmp_path / "root")
    environment = os.environ | {"PATH": PROGRAMS_PATH}
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(debian.bootstrap_command([others]), check=True, timeout=120, env=environment)
    assert "Release signed by unknown key" in capfd.readouterr().out
    assert not (tmp_path / "root" / "usr" / "bin" / "apt").exists()
