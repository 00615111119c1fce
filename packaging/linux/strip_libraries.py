"""Drop the symbol tables of a bundle's libraries, which nothing needs to run them.

Not PyInstaller's own `strip`: libraries that were renamed for a wheel (patchelf, such as OpenBLAS in
`numpy.libs`) can come out of an older `strip` with segments that the loader refuses.
"""

import shutil
import struct
import subprocess
from pathlib import Path

PT_LOAD = 1


def strip_libraries(folder: Path) -> int:
    """Strip every library below `folder` that stays loadable; returns the bytes saved."""
    saved = 0
    for path in sorted(folder.rglob("*.so*")):
        if path.is_symlink() or not path.is_file() or not is_loadable(path):
            continue
        stripped = path.with_name(path.name + ".stripped")
        subprocess.run(["strip", "--strip-unneeded", "-o", str(stripped), str(path)], check=True)
        if is_loadable(stripped):
            saved += path.stat().st_size - stripped.stat().st_size
            shutil.copymode(path, stripped)
            stripped.replace(path)
        else:
            stripped.unlink()
    return saved


def is_loadable(path: Path) -> bool:
    """Whether this is a 64-bit ELF file whose segments can be mapped: each begins in memory where it does in
    the file, modulo its alignment. https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html"""
    data = path.read_bytes()
    if data[:5] != b"\x7fELF\x02":
        return False
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _, offset, address = struct.unpack_from("<IIQQ", data, start + index * size)
        (alignment,) = struct.unpack_from("<Q", data, start + index * size + 48)
        if kind == PT_LOAD and alignment > 1 and offset % alignment != address % alignment:
            return False
    return True
