"""Sizes in words."""


def byte_count(count: float) -> str:
    """Write a size such as "4.7 GB", in powers of 1000 as disks and download pages count."""
    if count < 1000:
        return f"{int(count)} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5 or unit == "TB":
            break
    digits = 0 if count >= 99.95 or unit == "kB" else 1
    return f"{count:.{digits}f} {unit}"
