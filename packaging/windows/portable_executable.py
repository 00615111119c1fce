"""Read Windows programs and libraries: whether one is signed, and the names that it exports.

https://learn.microsoft.com/windows/win32/debug/pe-format
"""

import struct
from pathlib import Path

ENDINGS = (".exe", ".dll", ".pyd")
EXPORTS, CERTIFICATES = 0, 4
"""Places in the table of directories."""


def is_program(path: Path) -> bool:
    """Tell whether Windows runs or loads the file: by its name and its first bytes."""
    if path.suffix.lower() not in ENDINGS or path.is_symlink():
        return False
    with path.open("rb") as file:
        return file.read(2) == b"MZ"


def is_signed(data: bytes) -> bool:
    """Tell whether the file holds a signature; whose, and whether it fits, only Windows tells."""
    offset, size = _directory(data, CERTIFICATES)
    return offset > 0 and size > 0


def exported_names(data: bytes) -> list[str]:
    """The names of a library's functions."""
    address, size = _directory(data, EXPORTS)
    if not size:
        return []
    table = _offset(data, address)
    (count,) = struct.unpack_from("<I", data, table + 24)
    (names,) = struct.unpack_from("<I", data, table + 32)
    start = _offset(data, names)
    return [_text(data, _offset(data, name)) for name in struct.unpack_from(f"<{count}I", data, start)]


def _header(data: bytes) -> int:
    (header,) = struct.unpack_from("<I", data, 60)
    if data[:2] != b"MZ" or data[header : header + 4] != b"PE\0\0":
        raise ValueError("no program for Windows")
    return int(header)


def _directory(data: bytes, number: int) -> tuple[int, int]:
    optional = _header(data) + 24
    (magic,) = struct.unpack_from("<H", data, optional)
    first = optional + (112 if magic == 0x20B else 96)  # PE32+ or PE32
    (count,) = struct.unpack_from("<I", data, first - 4)
    return struct.unpack_from("<II", data, first + 8 * number) if number < count else (0, 0)


def _offset(data: bytes, address: int) -> int:
    """The place in the file of what lies at `address` in memory."""
    header = _header(data)
    (sections,) = struct.unpack_from("<H", data, header + 6)
    (optional_bytes,) = struct.unpack_from("<H", data, header + 20)
    for index in range(sections):
        section = header + 24 + optional_bytes + 40 * index
        size, start, stored, place = struct.unpack_from("<IIII", data, section + 8)
        if start <= address < start + max(size, stored):
            return int(place + address - start)
    raise ValueError(f"nothing of the file lies at {address:#x}")


def _text(data: bytes, place: int) -> str:
    return data[place : data.index(b"\0", place)].decode("ascii")
