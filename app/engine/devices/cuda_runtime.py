"""NVIDIA's libraries and the CUDA back end in a folder of their own, loaded before any other back end.

The folder is made by `app.cuda`. It is used only while `check.json` says that a kernel ran right with exactly
these files, under the llama.cpp that is here; Vulkan serves otherwise.
"""

import ctypes
import logging
import os
import sys
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from models.system.errors import StillroomError
from models.system.json_file import DamagedJsonError, load_json
from models.system.notices import tell

log = logging.getLogger(__name__)

RUNTIME = "runtime.json"
CHECK = "check.json"

T = TypeVar("T")


class CudaRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """`runtime.json`: what lies in the folder. `libraries` in the order in which they are loaded; `back_end`
    is empty where llama.cpp's own folder has it. `llama_cpp` is the version of llama-cpp-python."""

    llama_cpp: str
    cuda: str
    libraries: tuple[str, ...]
    back_end: str
    packages: tuple[str, ...] = ()
    bytes: int = 0
    back_end_sha256: str = ""
    """Of the file that a release offered; empty for one that the user brought, and before this was kept."""


class KernelCheck(msgspec.Struct, frozen=True, kw_only=True):
    """`check.json`: how the check of `runtime` ended. `device` is the card that computed right; `message` and
    `hint` are templates that `values` fills and say why none did, empty where one did."""

    runtime: CudaRuntime
    device: str = ""
    cards: tuple[str, ...] = ()
    """The UUIDs of the cards that computed right; empty where it is not known of each."""
    failed: tuple[str, ...] = ()
    """The UUIDs of those that did not; empty, too, in files from before these were kept."""
    left_out: str = ""
    """Why another card is not used; empty where none is left out."""
    message: str = ""
    hint: str = ""
    values: dict[str, object] = {}

    def knows(self, uuid: str) -> bool:
        """Tell whether the card was checked; also yes where it is not known which ones were."""
        return not self.cards or uuid in (*self.cards, *self.failed)

    def hides(self, uuid: str) -> bool:
        """Tell whether CUDA must not see the card: it failed; of an older file, it did not pass."""
        return uuid in self.failed or bool(self.left_out and not self.failed and not self.knows(uuid))


def read_runtime(folder: Path) -> CudaRuntime | None:
    """Read the `runtime.json` of `folder`; None where it is missing, or damaged, which the user is told."""
    return _read(folder / RUNTIME, CudaRuntime)


def read_check(folder: Path) -> KernelCheck | None:
    """Read how the check of the runtime in `folder` ended; None where it has not been checked."""
    check = _read(folder / CHECK, KernelCheck)
    return check if check is not None and check.runtime == read_runtime(folder) else None


def _read(path: Path, kind: type[T]) -> T | None:
    # Left where it is: the engine's process reads it too, and can tell nobody. The next get replaces it.
    try:
        loaded = load_json(path, kind)
        if loaded.sound:
            return loaded.value
        reason = "its checksum differs"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, DamagedJsonError) as error:
        reason = str(error)
    log.warning("%s is damaged: %s", path, reason)
    tell(
        StillroomError(
            "The file {path} is damaged, so NVIDIA's libraries beside it are not used.",
            "Get them again: “stillroom cuda get”.",
            path=str(path),
        )
    )
    return None


def checked_folder(folder: Path, llama_cpp: str) -> Path | None:
    """Return `folder` where its runtime passed and may be used under this llama.cpp, else None."""
    check = read_check(folder)
    passed = check is not None and not check.message and check.runtime.llama_cpp == llama_cpp
    return folder if passed else None


def load_cuda(ggml: Any, folder: Path) -> Path | None:
    """Load the runtime of `folder` into this process and register its back end, before any other.

    The first that knows a card is the one that llama.cpp uses it through. Returns the back end's file, for
    the reason why it did not load; None where llama.cpp's own folder has it. A library that is missing is not
    fatal: the others serve.
    """
    runtime = read_runtime(folder)
    if runtime is None:
        return None
    try:
        _preload([folder / name for name in runtime.libraries])
    except OSError as error:
        log.warning("NVIDIA's libraries do not load: %s", error)
    if not runtime.back_end:
        return None
    # Not ggml_backend_load: on Windows it takes the path in the system's code page. Nothing else lies here.
    ggml.ggml_backend_load_all_from_path(os.fsencode(folder))
    return folder / runtime.back_end


if sys.platform == "win32":
    _kept: list[Any] = []

    def _preload(libraries: list[Path]) -> None:
        # A DLL that is loaded is found by its name alone; the folder is for what these load themselves.
        for folder in {library.parent for library in libraries}:
            _kept.append(os.add_dll_directory(str(folder)))
        for library in libraries:
            ctypes.WinDLL(str(library))

else:

    def _preload(libraries: list[Path]) -> None:
        for library in libraries:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
