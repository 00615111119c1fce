"""No engine process outlives the program that started it, however that ends."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

ABORT_MARK = "ggml-abort: "
"""Starts the line on the child's stderr that tells the assertion which is about to end it."""

_PR_SET_PDEATHSIG = 1
"""include/uapi/linux/prctl.h"""


def die_with_parent(parent_pid: int) -> None:
    """In a child on Linux: be killed when the thread that started it ends; nothing elsewhere.

    `parent_pid` is the parent's id as the child first saw it, for a parent that is gone already.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)


def leave_no_core_dump() -> None:
    """In a child: end at once when it crashes; nothing to do on Windows.

    Its parent sees the end only when the kernel is done, and the dump of a model takes as long as the model
    is big. The filter is for systems that pipe dumps to a program and ignore the limit; see core(5).
    """
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/coredump_filter").write_text("0", encoding="ascii")


class KillOnClose:
    """On Windows a job object that takes its processes with it when this process ends; nothing elsewhere.

    https://learn.microsoft.com/windows/win32/procthread/job-objects
    """

    def __init__(self) -> None:
        self._job: int | None = None
        if sys.platform == "win32":
            self._job = _create_job()

    def add(self, process: "subprocess.Popen[bytes]") -> None:
        """Tie `process` to this one. A refusal is no error: its stdin still ends it."""
        if sys.platform == "win32" and self._job is not None:
            handle = ctypes.c_void_p(int(process._handle))
            ctypes.windll.kernel32.AssignProcessToJobObject(ctypes.c_void_p(self._job), handle)


if sys.platform == "win32":

    class _BasicLimits(ctypes.Structure):
        # JOBOBJECT_BASIC_LIMIT_INFORMATION of winnt.h.
        _fields_ = [
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", ctypes.c_uint32),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", ctypes.c_uint32),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", ctypes.c_uint32),
            ("SchedulingClass", ctypes.c_uint32),
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

    def _create_job() -> int | None:
        kill_on_job_close, extended_limit_information = 0x2000, 9
        kernel32 = ctypes.windll.kernel32
        kernel32.CreateJobObjectW.restype = ctypes.c_void_p
        job = kernel32.CreateJobObjectW(None, None)
        if not job:
            return None
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = kill_on_job_close
        done = kernel32.SetInformationJobObject(
            ctypes.c_void_p(job), extended_limit_information, ctypes.byref(limits), ctypes.sizeof(limits)
        )
        return int(job) if done else None
