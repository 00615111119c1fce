"""Tell which of the devices are graphics cards that layers can go to, and how much of one may be planned."""

from collections.abc import Sequence

from app.engine.protocol import Device
from models.memory.memory_reserve import driver_pages, usable_vram_bytes


def offload_devices(devices: Sequence[Device]) -> list[Device]:
    """Return the graphics cards, each once, or integrated graphics where there is no card.

    A card that answers to two back ends is used through the first. Where CUDA serves, NVIDIA's cards are used
    through it alone: one that is too old for it comes back through Vulkan, much slower than the others.
    """
    has_cuda = any(device.kind == "gpu" and device.backend == "CUDA" for device in devices)
    cards: dict[str, Device] = {}
    for device in devices:
        if device.kind == "gpu" and not (has_cuda and device.backend != "CUDA" and is_nvidia(device)):
            cards.setdefault(card_key(device), device)
    return list(cards.values()) or [device for device in devices if device.kind == "igpu"][:1]


def all_cards(devices: Sequence[Device]) -> list[Device]:
    """Return the graphics cards that a user may choose among: each once, also those that are left out."""
    offered = offload_devices(devices)
    names = {device.description for device in offered if device.backend == "CUDA"}
    known = {card_key(device) for device in offered}
    # Where Vulkan's driver tells no address, a card of CUDA's is known by its name.
    others = [
        device
        for device in devices
        if device.kind == "gpu" and card_key(device) not in known and device.description not in names
    ]
    return [*(device for device in offered if device.kind == "gpu"), *others]


def is_nvidia(device: Device) -> bool:
    """Tell whether a card is NVIDIA's, by the name that each back end gives it."""
    return device.backend == "CUDA" or "nvidia" in device.description.lower()


def card_key(device: Device) -> str:
    """Return what tells a card from the others, also after a restart where its PCI address is known."""
    return device.hardware_id or device.name


def usable_bytes(device: Device) -> int:
    """Return the bytes that may be planned for on a device: free memory less a reserve."""
    # Integrated graphics have no memory to page from, and of another computer nobody knows its system.
    pages = device.kind == "gpu" and device.backend != "RPC" and driver_pages()
    return usable_vram_bytes(device.memory_free_bytes, device.memory_total_bytes, pages=pages)
