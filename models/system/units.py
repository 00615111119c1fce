"""Sizes and speeds in words."""

import re
import sys

THOUSAND = 1024 if sys.platform == "win32" else 1000
"""Windows shows powers of 1024 as kB, MB and GB, other systems powers of 1000: a figure here is the one that
their file manager shows."""

GIGABYTE = THOUSAND**3

_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT])i?B?", re.IGNORECASE)


def byte_count(count: float, more_digits: int = 0) -> str:
    """Write a size such as "4.7 GB", in the powers that this computer's system shows."""
    if count < THOUSAND:
        return f"{int(count)} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= THOUSAND
        if count < 999.5 or unit == "TB":
            break
    digits = 0 if count >= 99.95 or unit == "kB" else 1
    return f"{count:.{digits + more_digits}f} {unit}"


def unlike_counts(first: float, second: float) -> tuple[str, str]:
    """Write two sizes with as many digits as it takes to see which is larger, at most two more than else."""
    for more in range(3):
        texts = byte_count(first, more), byte_count(second, more)
        if texts[0] != texts[1]:
            break
    return texts


def bytes_of(text: str) -> int:
    """Read a size such as "4.1GB" or "900 MB", in the powers that this computer's system shows.

    Raises `ValueError` for what is none.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    unit_bytes: int = THOUSAND ** (1 + "KMGT".index(match[2].upper()))
    return round(float(match[1]) * unit_bytes)


def gigabytes(count: float) -> str:
    """Write a size in GB with one decimal, without the unit."""
    return f"{count / GIGABYTE:.1f}"


def rate_text(tok_per_s: float) -> str:
    """Write a speed with one decimal below ten, and without one above."""
    return f"{tok_per_s:.1f}" if tok_per_s < 9.95 else f"{tok_per_s:,.0f}"
