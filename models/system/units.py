"""Sizes in words."""

import sys

THOUSAND = 1024 if sys.platform == "win32" else 1000
"""Windows shows powers of 1024 as kB, MB and GB, other systems powers of 1000: a figure here is the one that
their file manager shows."""

GIGABYTE = THOUSAND**3


def byte_count(count: float) -> str:
    """Write a size such as "4.7 GB", in the powers that this computer's system shows."""
    if count < THOUSAND:
        return f"{int(count)} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= THOUSAND
        if count < 999.5 or unit == "TB":
            break
    digits = 0 if count >= 99.95 or unit == "kB" else 1
    return f"{count:.{digits}f} {unit}"


def gigabytes(count: float) -> str:
    """Write a size in GB with one decimal, without the unit."""
    return f"{count / GIGABYTE:.1f}"
