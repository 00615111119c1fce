"""Count the processor cores that this process may use."""

import os
from functools import cache

import psutil


def usable_cores() -> int:
    """Count the logical cores that the system gives to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def physical_cores() -> int:
    """Count the cores that compute; a second thread on a core mostly gets in the way of the first."""
    usable = usable_cores()
    return max(1, min(_cores_of_the_processor() or usable, usable))


@cache
def _cores_of_the_processor() -> int | None:
    """On Linux some files a core are read, a millisecond each time: advice on all models asked 56 times."""
    return psutil.cpu_count(logical=False)
