"""The folder of the CUDA runtime, what it is to be made of, and how far that has got."""

import contextlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import filelock

from app.base.errors import StillroomError
from app.cuda.pins import (
    BACK_END,
    BackEndPin,
    CudaPins,
    Package,
    back_end_pin,
    cuda_pins,
    file_name,
    llama_cpp_version,
)
from app.cuda.unpacking import remove_tree
from app.engine.devices.cuda_runtime import CHECK, CudaRuntime, read_runtime
from app.engine.devices.ggml import backend_folder
from models.hub.resumable_file import stored_bytes


@dataclass(frozen=True, slots=True)
class CudaPlace:
    """`folder` is `AppPaths.cuda`. `has_back_end` says that llama.cpp's own folder holds the CUDA back end,
    so that NVIDIA's libraries are all it lacks; `back_end` is where a release offers it otherwise."""

    folder: Path
    pins: CudaPins = field(default_factory=cuda_pins)
    back_end: BackEndPin | None = field(default_factory=back_end_pin)
    has_back_end: bool = field(default_factory=lambda: _has_back_end())
    llama_cpp: str = field(default_factory=llama_cpp_version)

    @property
    def downloads(self) -> Path:
        """Files that arrive; deleted once they are unpacked."""
        return self.folder / "downloads"

    @property
    def runtime(self) -> Path:
        """The folder that the engine loads from; it is complete or absent."""
        return self.folder / "runtime"

    @property
    def before(self) -> Path:
        """The runtime that a new one takes the place of, until it is deleted."""
        return self.folder / "runtime.old"

    @property
    def sources(self) -> dict[str, int]:
        """The files to fetch with their bytes: NVIDIA's, and our back end where one is needed and offered."""
        files = {
            package.wheel.file: package.wheel.bytes
            for package in self.pins.packages
            if not self.has_libraries(package)
        }
        if self.offered_back_end is not None:
            files[self.offered_back_end.file] = self.offered_back_end.bytes
        return files

    @property
    def offered_back_end(self) -> BackEndPin | None:
        """The release's back end, where one is needed and it fits this llama.cpp."""
        fits = self.back_end is not None and self.back_end.llama_cpp == self.llama_cpp
        return self.back_end if fits and not self.has_back_end else None

    @property
    def unpacked_bytes(self) -> int:
        """The size of the runtime on disk."""
        back_end = self.offered_back_end
        return self.pins.unpacked_bytes + (back_end.unpacked_bytes if back_end is not None else 0)

    @property
    def arrived_bytes(self) -> int:
        """The size of what an interrupted download has left."""
        return sum(stored_bytes(self.downloads / name) for name in self.sources)

    def has_libraries(self, package: Package) -> bool:
        """Tell whether the runtime on disk has this package's libraries, whichever llama.cpp it is for."""
        runtime = read_runtime(self.runtime)
        if runtime is None or package.title not in runtime.packages:
            return False
        sizes = {file_name(member): size for member, size in package.wheel.libraries.items()}
        files = {name: self.runtime / name for name in sizes}
        return all(path.is_file() and path.stat().st_size == sizes[name] for name, path in files.items())

    def installed(self) -> CudaRuntime | None:
        """The runtime that is there, where it is the one that this Stillroom asks for."""
        runtime = read_runtime(self.runtime)
        packages = tuple(package.title for package in self.pins.packages)
        if runtime is None or (runtime.llama_cpp, runtime.packages) != (self.llama_cpp, packages):
            return None
        if not runtime.back_end and not self.has_back_end:
            return None
        offered = self.offered_back_end
        if offered is not None and runtime.back_end_sha256 not in ("", offered.sha256):
            # The release has compiled it anew, for the same llama.cpp.
            return None
        names = [*runtime.libraries, *([runtime.back_end] if runtime.back_end else [])]
        return runtime if all((self.runtime / name).is_file() for name in names) else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the folder meanwhile. Raises `StillroomError` where somebody does just now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self.folder / ".lock", timeout=0):
                yield
        except filelock.Timeout as error:
            raise StillroomError(
                "Another Stillroom is getting or removing NVIDIA's libraries just now.",
                "Wait for it, or stop it first.",
            ) from error

    def remove(self) -> int:
        """Switch the runtime off and delete it with all that has arrived; the bytes that this frees.

        Raises `StillroomError` where a file is in use, which happens on Windows: it is switched off then.
        """
        if not self.folder.exists():
            return 0
        with self.locked():
            try:
                # Without it no engine loads the runtime, whatever becomes of the rest.
                (self.runtime / CHECK).unlink(missing_ok=True)
                freed = self._remove_all()
            except OSError as error:
                raise StillroomError(
                    "NVIDIA's libraries are switched off, but cannot be deleted: {native}.",
                    "Close Stillroom and run “stillroom cuda remove”.",
                    native=error.strerror or type(error).__name__,
                ) from error
        with contextlib.suppress(OSError):
            (self.folder / ".lock").unlink(missing_ok=True)
            self.folder.rmdir()
        return freed

    def _remove_all(self) -> int:
        """Delete all that lies here but the lock; the bytes. What cannot be deleted keeps nothing else."""
        freed, failures = 0, []
        for entry in [entry for entry in self.folder.iterdir() if entry.name != ".lock"]:
            try:
                freed += remove_tree(entry)
            except OSError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return freed


def _has_back_end() -> bool:
    spec = importlib.util.find_spec("llama_cpp")
    folder = backend_folder(Path(spec.origin).parent) if spec is not None and spec.origin else None
    return folder is not None and (folder / BACK_END).is_file()
