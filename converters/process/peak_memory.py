"""Measure how much memory this process has needed."""

import sys


def peak_memory_bytes() -> int:
    """Return the most memory that this process has held at once, mapped files included."""
    if sys.platform == "linux":
        # Not getrusage: its maximum starts with the parent's memory at the fork.
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    import psutil

    memory = psutil.Process().memory_info()
    return int(getattr(memory, "peak_wset", memory.rss))
