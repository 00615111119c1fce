"""Figures of llama.cpp's own tools were recorded on a processor with AVX-512. Another one adds in another
order, and what is rounded to 8 or 16 bits on the way then differs by more than the last digit: with AVX2
alone llama.cpp as it comes is as far from them as ours."""

from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


def tolerance(recorded: float, elsewhere: float) -> float:
    """Return `recorded` where the figures were recorded on such a processor, else `elsewhere`."""
    flags = CPU_INFO.read_text("utf-8") if CPU_INFO.exists() else ""
    return recorded if "avx512f" in flags else elsewhere
