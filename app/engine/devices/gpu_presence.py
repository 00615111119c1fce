"""List this machine's graphics cards, whether llama.cpp can use them or not.

Only the operating system is asked, never a driver library: those can hang, they wake a laptop's card that
sleeps, and the engine must load a model without a card too.
"""

import ctypes
import sys
from pathlib import Path

NVIDIA = "0x10de"
_VENDORS = {NVIDIA: "NVIDIA", "0x1002": "AMD"}
"""PCI vendors whose cards are worth a GPU build; Intel's are mostly integrated graphics."""

_DISPLAY_CLASSES = ("0x0300", "0x0302")
"""PCI class codes: VGA compatible controller and 3D controller."""


def graphics_cards() -> list[str]:
    """Name the NVIDIA and AMD cards; empty where there is none or the system does not tell."""
    if sys.platform == "win32":
        return _windows_cards()
    return linux_cards(Path("/proc"), Path("/sys"))


def linux_cards(proc: Path, sys_root: Path) -> list[str]:
    """List the cards by the NVIDIA driver's own list, else by the PCI bus."""
    names = []
    for information in sorted((proc / "driver/nvidia/gpus").glob("*/information")):
        for line in _read(information).splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "Model":
                names.append(value.strip())
    if names:
        return names
    for device in _pci_cards(sys_root):
        vendor = _VENDORS[_read(device / "vendor").strip()]
        names.append(f"{vendor} {_read(device / 'device').strip()}")
    return names


def cards_may_sleep(sys_root: Path = Path("/sys"), vendor: str = NVIDIA) -> bool:
    """Tell whether a card of `vendor` is switched off while nobody uses it, as in laptops with two: asking
    its driver for anything switches it on. False where the system does not tell, as on Windows.

    https://www.kernel.org/doc/html/latest/power/runtime_pm.html
    """
    cards = [card for card in _pci_cards(sys_root) if _read(card / "vendor").strip() == vendor]
    return any(_read(card / "power/control").strip() == "auto" for card in cards)


def a_card_sleeps(sys_root: Path = Path("/sys")) -> bool:
    """Tell whether a card is switched off now."""
    return any(_read(card / "power/runtime_status").strip() == "suspended" for card in _pci_cards(sys_root))


def _pci_cards(sys_root: Path) -> list[Path]:
    return [
        device
        for device in sorted((sys_root / "bus/pci/devices").glob("*"))
        if _read(device / "vendor").strip() in _VENDORS
        and _read(device / "class").strip()[:6] in _DISPLAY_CLASSES
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


if sys.platform == "win32":

    class _DisplayDevice(ctypes.Structure):
        # DISPLAY_DEVICEW of wingdi.h.
        _fields_ = [
            ("cb", ctypes.c_uint32),
            ("DeviceName", ctypes.c_wchar * 32),
            ("DeviceString", ctypes.c_wchar * 128),
            ("StateFlags", ctypes.c_uint32),
            ("DeviceID", ctypes.c_wchar * 128),
            ("DeviceKey", ctypes.c_wchar * 128),
        ]

    def _windows_cards() -> list[str]:
        names: dict[str, None] = {}
        device = _DisplayDevice()
        device.cb = ctypes.sizeof(device)
        index = 0
        while ctypes.windll.user32.EnumDisplayDevicesW(None, index, ctypes.byref(device), 0):
            if "VEN_10DE" in device.DeviceID or "VEN_1002" in device.DeviceID:
                names[device.DeviceString] = None
            index += 1
        return list(names)
