"""Count the processor cores that this process may use."""

import os

import psutil


def usable_cores() -> int:
    """Logical cores, as far as the system gives them to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def physical_cores() -> int:
    """Cores that compute; a second thread on a core mostly gets in the way of the first."""
    usable = usable_cores()
    return max(1, min(psutil.cpu_count(logical=False) or usable, usable))
