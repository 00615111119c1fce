"""Tell from llama.cpp's buffer names which buffers are RAM, and which hold weights that the file has too."""

MAPPED = "_Mapped"
"""Part of the name of those that are the file itself: the system counts them as free."""

_COPIES = ("CPU_REPACK", "AMX", "CPU_KLEIDIAI")
"""Weights in an order that the processor is faster with."""


def is_ram(name: str) -> bool:
    """Tell whether a buffer is in this computer's RAM; else it is on a card, or in another computer."""
    return name.startswith("CPU") or name in _COPIES or name.endswith("_Host")


def is_copy(name: str) -> bool:
    """Tell whether a buffer holds weights in another order than the file's, which is mapped beside it."""
    return name in _COPIES
