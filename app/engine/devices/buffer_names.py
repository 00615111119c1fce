"""Tell from llama.cpp's buffer names which buffers are RAM, and which hold weights that the file has too."""

from collections.abc import Mapping

MAPPED = "_Mapped"
"""Part of the name of those that are the file itself: the system counts them as free."""

_COPIES = ("CPU_REPACK", "AMX", "CPU_KLEIDIAI")
"""Weights in an order that the processor is faster with."""


def is_ram(name: str) -> bool:
    """Tell whether a buffer is in this computer's RAM; else it is on a card, or in another computer."""
    return name.startswith("CPU") or name in _COPIES or name.endswith("_Host")


def _is_copy(name: str) -> bool:
    """Tell whether a buffer holds weights in another order than the file's, which is mapped beside it."""
    return name in _COPIES


def ram_bytes(buffers: Mapping[str, int]) -> int:
    """Sum the RAM in `buffers`, the mapped file included; what was copied out of it into a faster order
    counts once. What is mapped reaches from the first to the last weight that is not copied, so neither may
    hold all."""
    in_ram = {name: size for name, size in buffers.items() if is_ram(name)}
    mapped = sum(size for name, size in in_ram.items() if MAPPED in name)
    copied = sum(size for name, size in in_ram.items() if _is_copy(name))
    return sum(in_ram.values()) - min(mapped, copied)


def mapped_in_use(buffers: Mapping[str, int]) -> int:
    """Return the bytes of the mapped file that are read in each step: those of which there is no copy."""
    mapped = sum(size for name, size in buffers.items() if MAPPED in name)
    return max(0, mapped - sum(size for name, size in buffers.items() if _is_copy(name)))


def without_rows(buffers: Mapping[str, int], looked_up_bytes: int) -> dict[str, int]:
    """Return `buffers` without the token embedding in the mapped file, of which only rows are read
    (`models.quantisation.weights.Weights.looked_up`)."""
    return {
        name: max(0, size - looked_up_bytes) if is_ram(name) and MAPPED in name else size
        for name, size in buffers.items()
    }
