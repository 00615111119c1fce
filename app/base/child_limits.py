"""The limits of a child process that answers one request about something from outside."""

import contextlib
import sys

from app.base import windows_job


def limit_resources(memory_bytes: int, cpu_s: int) -> None:
    """Give this process so much memory and processor time from now on, and let it leave no core file.

    Memory is address space, on Windows what was promised to it. Past the one an allocation fails, past the
    other the process is ended.
    """
    if sys.platform == "win32":
        # Where it is refused, the parent's limits of time and of what it reads have to do.
        with contextlib.suppress(OSError):
            windows_job.limit_this_process(memory_bytes, cpu_s)
    else:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
