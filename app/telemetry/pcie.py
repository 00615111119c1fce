"""The PCIe link of a device, for cards that NVML does not know."""

import re
from pathlib import Path

DEVICES = Path("/sys/bus/pci/devices")
"""https://www.kernel.org/doc/html/latest/PCI/sysfs-pci.html"""

_GENERATIONS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
"""By transfers a second, in billions, as the kernel writes them (drivers/pci/probe.c, pci_speed_string)."""

_ADDRESS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


def pcie_link(address: str, devices: Path = DEVICES) -> str:
    """The widest link of the card at that PCI address, such as "4.0 x16"; "" where the system tells none."""
    if not _ADDRESS.fullmatch(address):
        return ""
    try:
        speed = (devices / address / "max_link_speed").read_text().partition(" ")[0]
        width = int((devices / address / "max_link_width").read_text())
    except (OSError, ValueError):
        return ""
    generation = _GENERATIONS.get(speed)
    # 255 and 0 are what a device without a link, such as one on the processor's own chip, has there.
    return f"{generation}.0 x{width}" if generation and 0 < width <= 32 else ""
