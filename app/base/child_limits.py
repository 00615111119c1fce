"""The limits of a child process that answers one request about something from outside."""


def limit_resources(memory_bytes: int, cpu_s: int) -> None:
    """Give this process so much address space and processor time from now on, and let it leave no core file.

    Windows has no such limits: the parent's time limit and its limit of what it reads have to do there.
    """
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
