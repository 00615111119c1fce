"""Set up how child processes start, and that they end with their parent."""

import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping

NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""For `creationflags`: on Windows a program of the console would open one."""

SPIN_COUNT = "1000"
"""llama.cpp's threads meet after each operation of the model, some hundred times a token. GNU OpenMP lets
them spin for long; when another program takes a core, they spin for that program's whole turn. Measured with
llama-bench, the starter model, two threads on two processors of an AMD EPYC, tokens per second alone / beside
one busy program / beside four:

    default 166 / 0.4 / 6    10,000 turns 184 / 5 / 25    1,000 turns 176 / 37 / 25    none 51
"""

HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""Each token reads all weights, and with pages of 4 KB the processor looks up where each of them lies. glibc
(2.35 and later) asks Linux for pages of 2 MB with this (https://www.gnu.org/software/libc/manual/html_node/
Memory-Allocation-Tunables.html), most of all for the weights that llama.cpp orders anew in memory of its own.
Measured with llama-bench on two processors of an AMD EPYC, 3 runs each in turn, tokens per second without /
with: starter 151 / 154 (1 thread), 170 / 175 (2); R1 Qwen 1.5B Q4_K_M 25.6 / 26.6 (1), 40.3 / 41.3 (2).
"""

OWN_MAPPINGS = f"glibc.malloc.mmap_threshold={4 << 20}"
"""An allocation of this size or more comes from Linux and goes back to it at once. glibc raises its own
threshold, to 32 MB, as soon as such a piece is freed: the second model that is loaded then had its cache and
its intermediate values on pages of 4 KB (22 MB of the starter's) and was 2 to 3% slower than the first.
"""

_PR_SET_PDEATHSIG = 1
"""include/uapi/linux/prctl.h"""

_WAITING_CHOSEN = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def computing_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a process that computes with llama.cpp: a short spin and large pages, also
    for a second model, unless the user chose."""
    chosen = dict(environment)
    if not any(name in chosen for name in _WAITING_CHOSEN):
        chosen["GOMP_SPINCOUNT"] = SPIN_COUNT
    tunables = chosen.get("GLIBC_TUNABLES", "")
    ours = [tunable for tunable in (HUGE_PAGES, OWN_MAPPINGS) if tunable.partition("=")[0] not in tunables]
    if ours:
        chosen["GLIBC_TUNABLES"] = ":".join(filter(None, (tunables, *ours)))
    return chosen


def die_with_parent(parent_pid: int) -> None:
    """In a child on Linux: be killed when the thread that started it ends; nothing elsewhere.

    `parent_pid` is the parent's id as the child first saw it. A parent that was gone before that, while
    Python and what is imported were loaded, has left a pipe that nobody reads: to be called while stdout is
    still the one that the child was started with, and by no child that has its stdout from elsewhere.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # A pipe that nobody can read any more has an error; see poll(2).
    stdout = select.poll()
    stdout.register(1, 0)
    is_unheard = any(event & select.POLLERR for _, event in stdout.poll(0))
    if os.getppid() != parent_pid or is_unheard:
        os._exit(0)
