"""List the back ends of this llama.cpp: those that loaded, and why the others did not.

A build with run-time back ends holds each as a library; ggml passes over in silence those that do not load.
"""

import ctypes
import os
import re
import sys
from pathlib import Path
from typing import Any

from app.engine.devices.ggml import backend_folder
from app.engine.protocol import BackendState

_LIBRARY = re.compile(r"(?:lib)?ggml-([a-z0-9]+)(?:-[\w.]+)?\.(?:so|dll)$")
_NAMES = {"cpu": "CPU", "cuda": "CUDA", "vulkan": "Vulkan", "rpc": "RPC", "hip": "ROCm", "blas": "BLAS"}
"""ggml's registry name for each library; https://github.com/ggml-org/llama.cpp/tree/master/ggml/src"""


def backend_states(ggml: Any, package: Path, cuda: Path | None = None) -> list[BackendState]:
    """List the back ends that loaded, with the library that was chosen, then the others, with the reason.

    `package` is llama_cpp's folder, `cuda` a CUDA back end elsewhere. Takes some milliseconds; on the
    engine's thread.
    """
    files = [*([(cuda, "CUDA")] if cuda is not None else []), *_libraries(backend_folder(package))]
    states = []
    for index in range(ggml.ggml_backend_reg_count()):
        registry = ggml.ggml_backend_reg_get(index)
        name = (ggml.ggml_backend_reg_name(registry) or b"").decode("utf-8", "replace")
        # Other computers' devices come with their addresses, so RPC has none of its own.
        empty = name != "RPC" and ggml.ggml_backend_reg_dev_count(registry) == 0
        chosen = _library_at(registry)
        states.append(
            BackendState(
                name=name,
                loaded=True,
                library=chosen.stem if chosen in [path for path, _ in files] else "",
                reason="it found no device" if empty else "",
            )
        )
    loaded = {state.name for state in states}
    for path, name in files:
        if name not in loaded:
            loaded.add(name)
            states.append(
                BackendState(name=name, loaded=False, library=path.stem, reason=_why_not(path, name))
            )
    return states


class _Place(ctypes.Structure):
    # Dl_info of dlfcn.h.
    _fields_ = [
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


def _library_at(address: int) -> Path | None:
    # A registry is a static variable of its library. Which libraries are mapped says less: ggml loads every
    # variant for the processor to ask for its score, and one that was closed may stay.
    if sys.platform == "win32":
        kernel, module = ctypes.windll.kernel32, ctypes.c_void_p()
        name = ctypes.create_unicode_buffer(1 << 15)
        # By its address, and without counting it as used once more.
        if not kernel.GetModuleHandleExW(6, ctypes.c_void_p(address), ctypes.byref(module)):
            return None
        return Path(name.value) if kernel.GetModuleFileNameW(module, name, len(name)) else None
    place = _Place()
    found = ctypes.CDLL(None).dladdr(ctypes.c_void_p(address), ctypes.byref(place))
    return Path(os.fsdecode(place.file)) if found and place.file else None


def _libraries(folder: Path | None) -> list[tuple[Path, str]]:
    found = []
    for path in sorted(folder.iterdir()) if folder is not None else []:
        match = _LIBRARY.match(path.name)
        if match and match[1] != "base":
            found.append((path, _NAMES.get(match[1], match[1])))
    return found


def _why_not(library: Path, name: str) -> str:
    try:
        ctypes.CDLL(str(library), winmode=0) if sys.platform == "win32" else ctypes.CDLL(str(library))
    except OSError as error:
        # A bundle's loader puts a sentence of its own before the system's words.
        return str(error.__cause__ or error)
    if name == "Vulkan":
        # Its loader is here and finds nobody to hand on to.
        return "there is no Vulkan driver on this computer"
    return "it says that it does not support this computer"
