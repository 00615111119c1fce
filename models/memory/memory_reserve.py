"""The memory that a plan leaves free: RAM and graphics cards' memory, for the desktop and other programs."""

import sys
from pathlib import Path

SPARE_RAM_BYTES = 1536 << 20
"""Left to the desktop and other programs."""

# What the driver, its kernels and its own scratch memory take beside llama.cpp's buffers (CUDA's context is
# about 300 MB), and what the desktop takes meanwhile.
VRAM_RESERVE_BYTES = 400 << 20
VRAM_RESERVE_FRACTION = 0.03

# Where nothing fails when a card is full, all becomes slow, and the desktop takes more of what is free now.
PAGED_RESERVE_BYTES = 1 << 30

_WSL = Path("/dev/dxg")
"""The device by which Linux under Windows (WSL) reaches Windows' cards."""


def driver_pages() -> bool:
    """Tell whether cards' drivers move to RAM what a card cannot hold, in place of refusing it: Windows'
    do, and WSL's cards are Windows'.

    https://nvidia.custhelp.com/app/answers/detail/a_id/5490
    """
    return sys.platform == "win32" or _WSL.exists()


def usable_vram_bytes(free_bytes: int, total_bytes: int, *, pages: bool = False) -> int:
    """Return the bytes that may be planned for on a card: free memory less a reserve, a larger one where
    its driver `pages` (`driver_pages`)."""
    reserve = VRAM_RESERVE_BYTES + int(total_bytes * VRAM_RESERVE_FRACTION)
    return max(0, free_bytes - (max(reserve, PAGED_RESERVE_BYTES) if pages else reserve))
