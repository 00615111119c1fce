from pathlib import Path

from app.engine.devices.gpu_presence import a_card_sleeps, cards_may_sleep, linux_cards


def make_pci_device(root: Path, slot: str, vendor: str, class_: str) -> None:
    folder = root / "bus/pci/devices" / slot
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(vendor + "\n")
    (folder / "class").write_text(class_ + "\n")
    (folder / "device").write_text("0x2504\n")


def test_the_driver_names_its_cards(tmp_path: Path) -> None:
    folder = tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0"
    folder.mkdir(parents=True)
    (folder / "information").write_text("Model: \t\t NVIDIA GeForce RTX 3060\nIRQ:   \t\t 155\n")
    make_pci_device(tmp_path / "sys", "0000:01:00.0", "0x10de", "0x030000")
    assert linux_cards(tmp_path / "proc", tmp_path / "sys") == ["NVIDIA GeForce RTX 3060"]


def test_a_card_without_a_driver_is_found_on_the_bus(tmp_path: Path) -> None:
    make_pci_device(tmp_path, "0000:01:00.0", "0x10de", "0x030000")
    make_pci_device(tmp_path, "0000:01:00.1", "0x10de", "0x040300")
    make_pci_device(tmp_path, "0000:00:02.0", "0x8086", "0x030000")
    make_pci_device(tmp_path, "0000:03:00.0", "0x1002", "0x030200")
    assert linux_cards(tmp_path / "none", tmp_path) == ["NVIDIA 0x2504", "AMD 0x2504"]


def test_no_card_is_no_error(tmp_path: Path) -> None:
    assert linux_cards(tmp_path, tmp_path) == []


def power(root: Path, address: str, vendor: str, control: str, status: str) -> None:
    device = root / "bus/pci/devices" / address
    (device / "power").mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text("0x030200\n")
    (device / "device").write_text("0x28e0\n")
    (device / "power/control").write_text(f"{control}\n")
    (device / "power/runtime_status").write_text(f"{status}\n")


def test_a_laptops_card_may_sleep_and_a_desktops_does_not(tmp_path: Path) -> None:
    power(tmp_path / "desktop", "0000:01:00.0", "0x10de", "on", "active")
    power(tmp_path / "laptop", "0000:01:00.0", "0x10de", "auto", "suspended")
    power(tmp_path / "busy", "0000:01:00.0", "0x10de", "auto", "active")
    # NVML is asked for NVIDIA's cards alone.
    power(tmp_path / "both", "0000:01:00.0", "0x10de", "on", "active")
    power(tmp_path / "both", "0000:03:00.0", "0x1002", "auto", "suspended")
    # Its own graphics go to sleep, too, and nobody needs to care.
    power(tmp_path / "intel", "0000:00:02.0", "0x8086", "auto", "suspended")
    for place, may, sleeps in (
        ("desktop", False, False),
        ("laptop", True, True),
        ("busy", True, False),
        ("both", False, True),
        ("intel", False, False),
        ("nothing", False, False),
    ):
        assert cards_may_sleep(tmp_path / place) is may
        assert a_card_sleeps(tmp_path / place) is sleeps
