"""Telling the system which pages of a file nobody will read again, so that they push out nothing else."""

import os


def forget(handle: int, start: int, end: int) -> None:
    """Drop bytes `start` to `end` of an open file from memory, where they are stored and the system can."""
    if hasattr(os, "posix_fadvise") and end > start:
        os.posix_fadvise(handle, start, end - start, os.POSIX_FADV_DONTNEED)
