"""Tell whether this processor has the instructions that all of the program is compiled for."""

import ctypes
import platform
import sys

_FIRST_LEAF = 0
_ECX = 2
_SSE_4_2 = 1 << 20
_POPCNT = 1 << 23


def is_too_old() -> bool:
    """Tell whether an x86-64 processor lacks SSE4.2 or POPCNT, which those made since about 2009 have.

    numpy (from 2.4 on) and Qt are compiled for them: without them they end the process by a signal, without a
    word. llama.cpp itself runs on any x86-64. Asked of glibc, which is False where it does not know:
    https://www.gnu.org/software/libc/manual/html_node/X86.html
    """
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return False
    try:
        leaf_of = ctypes.CDLL(None).__x86_get_cpuid_feature_leaf
    except AttributeError:
        return False
    # struct cpuid_feature of <bits/platform/x86.h>: CPUID's registers, then what of them can be used.
    leaf_of.restype = ctypes.POINTER(ctypes.c_uint32 * 8)
    found = int(leaf_of(_FIRST_LEAF).contents[_ECX])
    return found & (_SSE_4_2 | _POPCNT) != _SSE_4_2 | _POPCNT
