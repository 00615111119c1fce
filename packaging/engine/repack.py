"""Repacks a wheel of llama-cpp-python so that it holds each library once, all inside its package.

CMake installs every library into `llama_cpp/lib` and again into `lib` or `bin` beside the package, the back
ends that are loaded at run time into both, with headers and build tools. Kept are: what llama_cpp links to,
in `llama_cpp/lib`, and the back ends, in `llama_cpp/bin`, the only folder that the engine loads from.
"""

import base64
import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

LINKED = ("llama", "ggml", "ggml-base", "likely_tokens")
"""What stays in `llama_cpp/lib`; every other library of ggml is a back end."""

_LIBRARY = re.compile(r"(?:lib)?(?P<name>[A-Za-z0-9_.+-]+?)\.(?:so|dll)$")


def repack(wheel: Path, folder: Path, licences: Mapping[str, bytes]) -> Path:
    """Write the smaller wheel of the same name, with further `licences` beside its own, into `folder` and
    return its path."""
    target = folder / wheel.name
    with (
        zipfile.ZipFile(wheel) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out,
    ):
        rows: dict[str, tuple[str, str, str]] = {}
        record = ""

        def write(place: str, like: zipfile.ZipInfo, data: bytes) -> None:
            written = zipfile.ZipInfo(place, like.date_time)
            written.external_attr = like.external_attr
            written.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(written, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows[place] = (place, f"sha256={digest}", str(len(data)))

        for entry in source.infolist():
            if entry.filename.endswith(".dist-info/RECORD"):
                record = entry.filename
                for name, text in licences.items():
                    write(f"{record.removesuffix('RECORD')}licenses/{name}", entry, text)
                continue
            place = kept_as(entry.filename)
            if place is not None and place not in rows:
                write(place, entry, source.read(entry))
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([*rows.values(), (record, "", "")])
        out.writestr(zipfile.ZipInfo(record, source.getinfo(record).date_time), table.getvalue())
    return target


def kept_as(name: str) -> str | None:
    """Where a file of the built wheel goes; None for what nobody needs."""
    path = PurePosixPath(name)
    if path.parts[0] not in ("llama_cpp", "bin", "lib"):
        return name if ".dist-info" in path.parts[0] else None
    library = _LIBRARY.match(path.name)
    if library is None:
        # Headers, CMake files and static libraries; of the package itself everything stays.
        return name if path.parts[0] == "llama_cpp" and path.parts[1] not in ("lib", "include") else None
    if library["name"] in LINKED:
        return f"llama_cpp/lib/{path.name}"
    return f"llama_cpp/bin/{path.name}" if library["name"].startswith("ggml-") else None
