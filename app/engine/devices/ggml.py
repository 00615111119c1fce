"""ggml's own library, its back ends and its devices.

API: https://github.com/ggml-org/llama.cpp/blob/master/ggml/include/ggml-backend.h
"""

import ctypes
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from app.engine.protocol import Device

AbortTextCallback = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
"""ggml_abort_callback_t of ggml.h: gets the text of an assertion before the process aborts."""

_KINDS: dict[int, Literal["cpu", "gpu", "igpu", "accel"]] = {0: "cpu", 1: "gpu", 2: "igpu", 3: "accel"}
"""enum ggml_backend_dev_type"""


class _DeviceProperties(ctypes.Structure):
    # ggml_backend_dev_props of ggml-backend.h, with the five flags of ggml_backend_dev_caps at its end.
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
        ("memory_free", ctypes.c_size_t),
        ("memory_total", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("device_id", ctypes.c_char_p),
        ("flags", ctypes.c_bool * 16),
    ]


def ggml_library(libllama: Any, package: Path) -> Any:
    """Return the ggml that `libllama` uses, with its functions declared. `package` is llama_cpp's folder."""
    library = _library(libllama, package)
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("ggml_set_abort_callback", pointer, [AbortTextCallback]),
        ("ggml_backend_load_all_from_path", None, [text]),
        ("ggml_backend_dev_count", ctypes.c_size_t, []),
        ("ggml_backend_dev_get", pointer, [ctypes.c_size_t]),
        ("ggml_backend_dev_get_props", None, [pointer, ctypes.POINTER(_DeviceProperties)]),
        ("ggml_backend_dev_backend_reg", pointer, [pointer]),
        ("ggml_backend_reg_count", ctypes.c_size_t, []),
        ("ggml_backend_reg_get", pointer, [ctypes.c_size_t]),
        ("ggml_backend_reg_by_name", pointer, [text]),
        ("ggml_backend_reg_name", text, [pointer]),
        ("ggml_backend_reg_dev_count", ctypes.c_size_t, [pointer]),
        ("ggml_backend_reg_dev_get", pointer, [pointer, ctypes.c_size_t]),
        ("ggml_backend_reg_get_proc_address", pointer, [pointer, text]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def load_dynamic_backends(ggml: Any, package: Path) -> None:
    """Register the back ends of a build with GGML_BACKEND_DL; nothing to do in any other.

    `llama_backend_init` looks for them only beside the executable and in the working directory.
    """
    folder = backend_folder(package)
    if folder is not None:
        ggml.ggml_backend_load_all_from_path(os.fsencode(folder))


def load_processor_backends(ggml: Any, package: Path) -> bool:
    """Register those back ends of such a build that no graphics card is woken by; False in any other."""
    folder = backend_folder(package)
    if folder is None:
        return False
    _load_some(ggml, [path for path in folder.iterdir() if _NO_CARDS.match(path.name)])
    return True


def load_card_backends(ggml: Any, package: Path) -> None:
    """Register the others, which `load_processor_backends` left out."""
    folder = backend_folder(package)
    if folder is not None:
        _load_some(ggml, [path for path in folder.iterdir() if not _NO_CARDS.match(path.name)])


_NO_CARDS = re.compile(r"libggml-(cpu|rpc)\b")


def _load_some(ggml: Any, libraries: list[Path]) -> None:
    # ggml chooses the processor's variant only where it is given a folder. Linux only: cards sleep there.
    with tempfile.TemporaryDirectory(prefix="stillroom-") as folder:
        for library in libraries:
            (Path(folder) / library.name).symlink_to(library)
        ggml.ggml_backend_load_all_from_path(os.fsencode(folder))


def backend_folder(package: Path) -> Path | None:
    """Find the folder of the back ends' libraries; None in a build that has them linked in.

    Stillroom's own wheel and its bundle have them in `llama_cpp/bin`, a wheel as pip builds it in `bin`
    beside the package. There is a copy in `llama_cpp/lib`; loading that too would list every device twice.
    """
    pattern = "ggml-cpu*.dll" if sys.platform == "win32" else "libggml-cpu*.so"
    for folder in (package / "bin", package.parent / "bin"):
        if any(folder.glob(pattern)):
            return folder
    return None


def has_cuda(package: Path) -> bool:
    """Tell whether this build brings CUDA along, as a library that is loaded at run time or linked in."""
    folders = (backend_folder(package), package / "lib")
    return any(any(folder.glob("*ggml-cuda*")) for folder in folders if folder is not None)


def device_handles(ggml: Any) -> list[int]:
    """Return ggml's handles of the compute devices of this computer."""
    return [ggml.ggml_backend_dev_get(index) for index in range(ggml.ggml_backend_dev_count())]


def backend_of(ggml: Any, handle: int) -> str:
    """Return ggml's name of the back end that a device belongs to."""
    return _text(ggml.ggml_backend_reg_name(ggml.ggml_backend_dev_backend_reg(handle)))


def device_of(ggml: Any, handle: int) -> Device:
    """Describe one device by ggml's properties; ggml asks the device itself for its memory."""
    properties = _DeviceProperties()
    ggml.ggml_backend_dev_get_props(handle, ctypes.byref(properties))
    return Device(
        name=_text(properties.name),
        description=_text(properties.description),
        backend=backend_of(ggml, handle),
        kind=_KINDS.get(properties.type, "accel"),
        memory_total_bytes=properties.memory_total,
        memory_free_bytes=properties.memory_free,
        hardware_id=_text(properties.device_id),
    )


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


# On Linux only libllama's own handle reaches the ggml that it uses: `libggml.so` is a second copy.
# On Windows a DLL is one by its name, and symbols are not found through another's handle.
if sys.platform == "win32":

    class _Libraries:
        def __init__(self, folder: Path) -> None:
            self._libraries = [ctypes.CDLL(str(folder / name)) for name in ("ggml-base.dll", "ggml.dll")]

        def __getattr__(self, name: str) -> Any:
            for library in self._libraries:
                if hasattr(library, name):
                    return getattr(library, name)
            raise AttributeError(name)

    def _library(libllama: Any, package: Path) -> Any:
        return _Libraries(package / "lib")

else:

    def _library(libllama: Any, package: Path) -> Any:
        return libllama
