"""The PCIe link from the kernel's own files. The files stand in for cards that this machine has not."""

from pathlib import Path

import pytest

from app.telemetry.pcie import pcie_link

ADDRESS = "0000:0a:00.0"


def card(folder: Path, speed: str, width: str) -> Path:
    device = folder / ADDRESS
    device.mkdir()
    (device / "max_link_speed").write_text(speed)
    (device / "max_link_width").write_text(width)
    return folder


@pytest.mark.parametrize(
    ("speed", "width", "link"),
    [
        ("16.0 GT/s PCIe\n", "16\n", "4.0 x16"),
        ("8.0 GT/s PCIe\n", "4\n", "3.0 x4"),
        ("2.5 GT/s\n", "1\n", "1.0 x1"),
        ("Unknown\n", "255\n", ""),
        ("16.0 GT/s PCIe\n", "0\n", ""),
        ("16.0 GT/s PCIe\n", "many\n", ""),
    ],
)
def test_the_link_is_told_where_the_kernel_knows_it(
    speed: str, width: str, link: str, tmp_path: Path
) -> None:
    assert pcie_link(ADDRESS, card(tmp_path, speed, width)) == link


@pytest.mark.parametrize("address", ["", "../../etc", "0000:0b:00.0"])
def test_no_such_device_has_no_link(address: str, tmp_path: Path) -> None:
    assert pcie_link(address, card(tmp_path, "16.0 GT/s PCIe", "16")) == ""
