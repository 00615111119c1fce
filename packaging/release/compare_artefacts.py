"""Compare two folders of what a release is made of: `python compare_artefacts.py FIRST SECOND`.

A file that is not the same to the byte is opened as far as it can be (.deb, .run, .whl, .zip, .vsix, .tar of
any compression), and each member is named with what of it differs: what it holds, its time, its rights, its
owner, its place among the others. Status 1 where something differs.
"""

import io
import lzma
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AR = b"!<arch>\n"
AR_HEADER_BYTES = 60
XZ = b"\xfd7zXZ\x00"
SCRIPT = b"#!"


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive or a folder: what it holds, and what is written about it, by name."""

    data: bytes
    notes: dict[str, Any]


def main() -> int:
    """Print a line for each difference."""
    first, second = map(Path, sys.argv[1:3])
    found = differences(first, second)
    print("\n".join(found) or f"All {len(files(first))} files are the same.")
    return 1 if found else 0


def differences(first: Path, second: Path) -> list[str]:
    """A line for each file, or member of one, that is not the same in both folders; none where all are."""
    return list(between("", files(first), files(second)))


def files(folder: Path) -> dict[str, Member]:
    """Each file below a folder by its place; of times nothing, as a copy has its own."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()):
        link = str(path.readlink()) if path.is_symlink() else ""
        notes = {"the link": link, "the rights": 0 if link else path.stat().st_mode & 0o777}
        found[path.relative_to(folder).as_posix()] = Member(b"" if link else path.read_bytes(), notes)
    return found


def between(place: str, first: dict[str, Member], second: dict[str, Member]) -> Iterator[str]:
    """Lines on two lists of members; `place` is what holds them, as lines begin."""
    for name in sorted(first.keys() ^ second.keys()):
        yield f"{place}{name}: only in the {'first' if name in first else 'second'}"
    both = [name for name in first if name in second]
    if both != [name for name in second if name in first]:
        yield f"{place.removesuffix(' > ') or 'all'}: the same names in another order"
    for name in both:
        old, new = first[name], second[name]
        for what, value in old.notes.items():
            if new.notes.get(what) != value:
                yield f"{place}{name}: {what}: {value}, then {new.notes.get(what)}"
        if old.data != new.data:
            yield from inside(f"{place}{name}", old.data, new.data)


def inside(name: str, first: bytes, second: bytes) -> Iterator[str]:
    """Lines on a file of two contents that are not the same."""
    old, new = members(first), members(second)
    if not old or not new:
        yield f"{name}: {bytes_apart(first, second)}"
        return
    lines = list(between(f"{name} > ", old, new))
    yield from lines or [f"{name}: packed in another way; its members are the same"]


def bytes_apart(first: bytes, second: bytes) -> str:
    """Say where two contents part, and how far they do."""
    if len(first) != len(second):
        return f"{len(first)} bytes, then {len(second)}"
    apart = [place for place, (old, new) in enumerate(zip(first, second, strict=True)) if old != new]
    return f"{len(apart)} of {len(first)} bytes, the first at {apart[0]}"


def members(data: bytes) -> dict[str, Member]:
    """Give the members of an archive in its order; nothing where this is none."""
    if data.startswith(AR):
        return dict(ar_members(data))
    if data.startswith(SCRIPT) and XZ in data:
        start = data.index(XZ)
        return {"script": Member(data[:start], {}), "archive": Member(data[start:], {})}
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {
                entry.filename: Member(
                    archive.read(entry),
                    {"the time": entry.date_time, "the rights": entry.external_attr >> 16},
                )
                for entry in archive.infolist()
            }
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return {entry.name: tar_member(tar, entry) for entry in tar}
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError):
        return {}


def tar_member(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Member:
    """One member of a tar archive."""
    file = tar.extractfile(entry) if entry.isreg() else None
    return Member(
        file.read() if file else b"",
        {
            "the kind": entry.type,
            "the time": entry.mtime,
            "the rights": entry.mode,
            "the owner": (entry.uid, entry.gid, entry.uname, entry.gname),
            "the link": entry.linkname,
        },
    )


def ar_members(data: bytes) -> Iterator[tuple[str, Member]]:
    """The members of an ar archive, as a .deb is. https://manpages.debian.org/deb.5"""
    start = len(AR)
    while start + AR_HEADER_BYTES <= len(data):
        header = data[start : start + AR_HEADER_BYTES].decode("ascii")
        start += AR_HEADER_BYTES
        size = int(header[48:58])
        notes = {"the time": header[16:28].strip(), "the rights": header[40:48].strip()}
        yield header[:16].strip(), Member(data[start : start + size], notes)
        start += size + size % 2


if __name__ == "__main__":
    sys.exit(main())
