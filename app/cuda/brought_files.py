"""Files that the user brings instead of a download: NVIDIA's wheels as pinned, and our CUDA back end."""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from app.base.errors import StillroomError
from app.cuda.cuda_folder import CudaPlace
from app.cuda.pins import BACK_END
from models.system.regular_file import open_regular


@dataclass(slots=True)
class Brought:
    """`wheels` by the pinned file name, each with the right checksum; `back_end` is a wheel of this version
    of llama-cpp-python with a CUDA back end (`member`), which has no checksum: it is the user's own."""

    wheels: dict[str, Path] = field(default_factory=dict)
    back_end: Path | None = None
    member: str = ""
    back_end_bytes: int = 0


def recognise(files: Sequence[Path], place: CudaPlace) -> Brought:
    """Tell which of the needed files `files` are; reads them whole. Raises `StillroomError` for any other."""
    brought = Brought()
    for file in files:
        try:
            with open_regular(file) as data:
                sha256 = hashlib.file_digest(data, "sha256").hexdigest()
        except OSError as error:
            raise StillroomError(
                "{file} cannot be read: {native}.",
                file=str(file),
                native=error.strerror or type(error).__name__,
            ) from error
        pinned = {package.wheel.sha256: package.wheel.file for package in place.pins.packages}
        if sha256 in pinned:
            brought.wheels[pinned[sha256]] = file
        elif file.name in pinned.values():
            raise StillroomError(
                "{file} is damaged, or another one than Stillroom was tried with: its checksum differs.",
                "Get it again from the package index.",
                file=file.name,
            )
        else:
            _take_back_end(brought, file, place)
    return brought


def _take_back_end(brought: Brought, file: Path, place: CudaPlace) -> None:
    entries = {}
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            entries = {entry.filename: entry.file_size for entry in archive.infolist()}
    member = next((name for name in entries if PurePosixPath(name).name == BACK_END), "")
    if not member:
        raise StillroomError(
            "{file} is none of the files that are needed: {names}.",
            "“stillroom cuda status” names them.",
            file=file.name,
            names=", ".join(place.sources),
        )
    if not any(name.startswith(f"llama_cpp_python-{place.llama_cpp}.dist-info/") for name in entries):
        raise StillroomError(
            "{file} holds a CUDA back end for another llama.cpp than this Stillroom has ({version}).",
            "Bring one that was made with llama-cpp-python {version}.",
            file=file.name,
            version=place.llama_cpp,
        )
    brought.back_end, brought.member, brought.back_end_bytes = file, member, entries[member]
