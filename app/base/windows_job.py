"""Windows' job objects: processes that end together, within limits.

A job is the number of its handle; its processes end when the last handle of it is closed, if it was created
with `KILL_ON_CLOSE`. https://learn.microsoft.com/windows/win32/procthread/job-objects
"""

import sys

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    PROCESS_TIME, ACTIVE_PROCESS, PROCESS_MEMORY, JOB_MEMORY, DIE_ON_EXCEPTION, KILL_ON_CLOSE = (
        0x2,
        0x8,
        0x100,
        0x200,
        0x400,
        0x2000,
    )
    """The limits of a job and its way to end: JOB_OBJECT_LIMIT_... of winnt.h."""

    _EXTENDED_LIMITS = 9
    _TICKS_A_SECOND = 10_000_000
    _THIS_PROCESS = -1
    """GetCurrentProcess's handle, which is the same for every process."""

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.CreateJobObjectW.restype = wintypes.HANDLE

    class _BasicLimits(ctypes.Structure):
        # JOBOBJECT_BASIC_LIMIT_INFORMATION of winnt.h.
        _fields_ = [
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        ]

    class _ExtendedLimits(ctypes.Structure):
        # JOBOBJECT_EXTENDED_LIMIT_INFORMATION of winnt.h; IO_COUNTERS are six 64-bit counters.
        _fields_ = [
            ("BasicLimitInformation", _BasicLimits),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        ]

    def create_job(flags: int, processes: int = 0, memory_bytes: int = 0, cpu_s: int = 0) -> int:
        """A new job; `flags` say which of the limits count. Raises `OSError`."""
        job = _kernel.CreateJobObjectW(None, None)
        checked(job)
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = flags
        limits.BasicLimitInformation.PerProcessUserTimeLimit = cpu_s * _TICKS_A_SECOND
        limits.BasicLimitInformation.ActiveProcessLimit = processes
        limits.ProcessMemoryLimit = limits.JobMemoryLimit = memory_bytes
        checked(
            _kernel.SetInformationJobObject(
                wintypes.HANDLE(job), _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
            )
        )
        return int(job)

    def put_into_job(job: int, process: int) -> None:
        """Tie a process, by its handle, to the job. Raises `OSError`."""
        checked(_kernel.AssignProcessToJobObject(wintypes.HANDLE(job), wintypes.HANDLE(process)))

    def limit_this_process(memory_bytes: int, cpu_s: int) -> None:
        """Put this process into a job of its own, for as long as it lives. Raises `OSError`."""
        # Its handle stays open to the end: nothing closes it.
        put_into_job(
            create_job(PROCESS_MEMORY | PROCESS_TIME, memory_bytes=memory_bytes, cpu_s=cpu_s), _THIS_PROCESS
        )

    def peak_job_bytes(job: int) -> int:
        """The most memory that its processes held together."""
        told = _ExtendedLimits()
        _kernel.QueryInformationJobObject(
            wintypes.HANDLE(job), _EXTENDED_LIMITS, ctypes.byref(told), ctypes.sizeof(told), None
        )
        return int(told.PeakJobMemoryUsed)

    def checked(result: int | None) -> None:
        """Raise what Windows says of a call that failed: one of a library with `use_last_error`."""
        if not result:
            raise ctypes.WinError(ctypes.get_last_error())
