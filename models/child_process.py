"""How child processes are started."""

import os
import subprocess
from collections.abc import Mapping

NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""For `creationflags`: on Windows a program of the console would open one."""

SPIN_COUNT = "1000"
"""llama.cpp's threads meet after each operation of the model, some hundred times a token. GNU OpenMP lets
them spin for long; when another program takes a core, they spin for that program's whole turn. Measured with
llama-bench, the starter model, two threads on two cores, tokens per second alone / on the machine under a
load of ten:

    default 94 to 99 / 2 or less    1000 turns 95 / 8 to 10    300 turns 70 / 11    none 28 / 13
"""

_CHOSEN_BY_USER = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def computing_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For a process that computes with llama.cpp: a short spin, unless the user has chosen how to wait."""
    if any(name in environment for name in _CHOSEN_BY_USER):
        return dict(environment)
    return {**environment, "GOMP_SPINCOUNT": SPIN_COUNT}
