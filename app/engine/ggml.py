"""What is needed of ggml itself: its library, its back ends, its devices.

API: https://github.com/ggml-org/llama.cpp/blob/master/ggml/include/ggml-backend.h
"""

import ctypes
import os
import sys
from pathlib import Path
from typing import Any, Literal

from app.engine.messages import Device

AbortTextCallback = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
"""ggml_abort_callback_t of ggml.h: gets the text of an assertion before the process aborts."""

_KINDS: dict[int, Literal["cpu", "gpu", "igpu", "accel"]] = {0: "cpu", 1: "gpu", 2: "igpu", 3: "accel"}
"""enum ggml_backend_dev_type"""


def ggml_library(libllama: Any, package: Path) -> Any:
    """The ggml that `libllama` uses, with its functions declared. `package` is llama_cpp's folder."""
    library = _library(libllama, package)
    pointer, text, size_pointer = ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t)
    for name, result, arguments in (
        ("ggml_set_abort_callback", pointer, [AbortTextCallback]),
        ("ggml_backend_load_all_from_path", None, [text]),
        ("ggml_backend_dev_count", ctypes.c_size_t, []),
        ("ggml_backend_dev_get", pointer, [ctypes.c_size_t]),
        ("ggml_backend_dev_name", text, [pointer]),
        ("ggml_backend_dev_description", text, [pointer]),
        ("ggml_backend_dev_type", ctypes.c_int, [pointer]),
        ("ggml_backend_dev_memory", None, [pointer, size_pointer, size_pointer]),
        ("ggml_backend_dev_backend_reg", pointer, [pointer]),
        ("ggml_backend_reg_name", text, [pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def load_dynamic_backends(ggml: Any, package: Path) -> None:
    """Register the back ends of a build with GGML_BACKEND_DL; nothing to do in any other.

    Such a wheel keeps them in its `bin` folder, while `llama_backend_init` looks only beside the executable.
    Loading them from `llama_cpp/lib` too would list every device twice.
    """
    pattern = "ggml-cpu-*.dll" if sys.platform == "win32" else "libggml-cpu-*.so"
    for folder in (package.parent / "bin", package / "bin"):
        if any(folder.glob(pattern)):
            ggml.ggml_backend_load_all_from_path(os.fsencode(folder))
            return


def devices(ggml: Any) -> list[Device]:
    """The compute devices with the memory that is free now."""
    found = []
    for index in range(ggml.ggml_backend_dev_count()):
        device = ggml.ggml_backend_dev_get(index)
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        registry = ggml.ggml_backend_dev_backend_reg(device)
        found.append(
            Device(
                name=ggml.ggml_backend_dev_name(device).decode("utf-8", "replace"),
                description=ggml.ggml_backend_dev_description(device).decode("utf-8", "replace"),
                backend=ggml.ggml_backend_reg_name(registry).decode("utf-8", "replace"),
                kind=_KINDS.get(ggml.ggml_backend_dev_type(device), "accel"),
                memory_total_bytes=total.value,
                memory_free_bytes=free.value,
            )
        )
    return found


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
