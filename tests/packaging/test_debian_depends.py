"""The .deb depends on the packages of what the bundle's files link to."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "packaging"))

from linux.debian_depends import depends  # type: ignore[import-not-found]  # noqa: E402 - scripts


def linked_to(name: str, folder: Path) -> Path:
    """Make a bundle of one library that needs the library of this name."""
    bundle, needed = folder / "bundle", folder / name
    bundle.mkdir()
    command = ["gcc", "-shared", "-nostdlib", "-x", "c", "/dev/null", "-o"]
    subprocess.run([*command, str(needed), f"-Wl,-soname,{name}"], check=True)
    link = ["-x", "none", "-Wl,--no-as-needed", str(needed)]
    subprocess.run([*command, str(bundle / "libours.so"), *link], check=True)
    return bundle


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")
def test_what_qts_packages_for_arm_link_to_has_its_package(tmp_path: Path) -> None:
    for name, package in (("libSM.so.6", "libsm6"), ("libICE.so.6", "libice6")):
        (tmp_path / package).mkdir()
        assert package in depends(linked_to(name, tmp_path / package))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")
def test_a_library_that_nobody_has_named_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"libstrange\.so\.1"):
        depends(linked_to("libstrange.so.1", tmp_path))
