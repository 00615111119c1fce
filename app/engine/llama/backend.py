"""llama.cpp as such: its back ends, its log, its abort callback."""

import ctypes
import os
from pathlib import Path
from typing import Any

import llama_cpp

from app.base.parent_death import ABORT_MARK
from app.base.paths import app_paths
from app.engine.devices.backend_libraries import backend_states
from app.engine.devices.cuda_runtime import checked_folder, load_cuda, read_check
from app.engine.devices.ggml import (
    AbortTextCallback,
    backend_of,
    device_handles,
    device_of,
    ggml_library,
    has_cuda,
    load_card_backends,
    load_dynamic_backends,
    load_processor_backends,
)
from app.engine.devices.gpu_presence import a_card_sleeps
from app.engine.devices.native_log import NativeLog
from app.engine.devices.nvidia_cards import hide_none, keep_kernels, show_cuda
from app.engine.protocol import BackendState, Device
from app.engine.rpc.rpc_devices import RpcDevices

_callbacks: list[Any] = []
"""llama.cpp calls them until the process ends, whatever becomes of the object that set them."""


_ARCHITECTURE_NAME = ("_Z13llm_arch_name8llm_arch", "?llm_arch_name@@YAPEBDW4llm_arch@@@Z")
"""`llm_arch_name(llm_arch)` of src/llama-arch.cpp, as GCC, Clang and MSVC name it: it has no C name. The
numbers begin at 0 and end with LLM_ARCH_UNKNOWN."""

_MOST_ARCHITECTURES = 2000
_NO_LANGUAGE_MODELS = ("clip",)
"""In the list for llama-quantize only."""


class Backend:
    """llama.cpp as such: its back ends and devices. One a process."""

    def __init__(self, log: NativeLog, cuda: Path | None = None, *, wakes: bool = True) -> None:
        """Load llama.cpp. `cuda` is the folder of a CUDA runtime to load, which need not have passed its
        check; None takes the user's, if it has. Unless it `wakes`, the back ends for graphics cards are left
        out while a card is switched off, until `wake`."""
        self.log = log

        def on_log(level: int, text: bytes | None, _data: object) -> None:
            log.write(level, (text or b"").decode("utf-8", "replace"))

        def on_abort(text: bytes | None) -> None:
            os.write(2, b"\n" + ABORT_MARK.encode() + (text or b"").replace(b"\n", b" ") + b"\n")

        log_callback = llama_cpp.llama_log_callback(on_log)
        abort_callback = AbortTextCallback(on_abort)
        llama_cpp.llama_log_set(log_callback, None)
        _callbacks.extend((log_callback, abort_callback))
        self._package = package = Path(llama_cpp.__file__).parent
        self.ggml = ggml_library(llama_cpp.llama_cpp._lib, package)
        self.ggml.ggml_set_abort_callback(abort_callback)
        self._cuda: Path | None = None
        self._sleeps = not wakes and a_card_sleeps() and load_processor_backends(self.ggml, package)
        if not self._sleeps:
            self._load_cuda(cuda)
            load_dynamic_backends(self.ggml, package)
        llama_cpp.llama_backend_init()
        self.rpc = RpcDevices(self.ggml)
        self.version = llama_cpp.llama_version().decode()
        self.system_info = llama_cpp.llama_print_system_info().decode()

    @property
    def supports_gpu(self) -> bool:
        """Tell whether a back end for graphics cards is loaded."""
        # Not llama_supports_gpu_offload: it says yes to a build for the processor that also has RPC.
        return any(state.name not in ("CPU", "RPC", "BLAS") for state in self.states())

    def wake(self) -> bool:
        """Load what was left out for a card that slept; False where nothing was."""
        if not self._sleeps:
            return False
        self._sleeps = False
        self._load_cuda(None)
        load_card_backends(self.ggml, self._package)
        return True

    def _load_cuda(self, cuda: Path | None) -> None:
        package = self._package
        cuda = cuda or checked_folder(app_paths().cuda_runtime, llama_cpp.__version__)
        if cuda is not None or has_cuda(package):
            check = read_check(cuda) if cuda is not None else None
            keep_kernels(app_paths().cuda_kernels)
            show_cuda(check.hides if check is not None else hide_none)
        self._cuda = load_cuda(self.ggml, cuda) if cuda is not None else None

    def devices(self) -> list[Device]:
        """List the compute devices with the memory that is free now."""
        return [device for _, device in self.local_devices()]

    def local_devices(self) -> list[tuple[int, Device]]:
        """List the same with ggml's handles."""
        return [(handle, device_of(self.ggml, handle)) for handle in device_handles(self.ggml)]

    def cards(self) -> list[Device]:
        """List the graphics cards with their free memory, except CUDA's, which NVIDIA's library reports."""
        others = [handle for handle in device_handles(self.ggml) if backend_of(self.ggml, handle) != "CUDA"]
        devices = [device_of(self.ggml, handle) for handle in others]
        return [device for device in devices if device.kind in ("gpu", "igpu")]

    def architectures(self) -> tuple[str, ...]:
        """List the kinds of models that this llama.cpp knows, by their names in GGUF files; empty where the
        library does not tell."""
        for symbol in _ARCHITECTURE_NAME:
            name_of = getattr(llama_cpp.llama_cpp._lib, symbol, None)
            if name_of is None:
                continue
            name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.c_int]
            names = []
            for number in range(_MOST_ARCHITECTURES):
                name = (name_of(number) or b"").decode()
                if not name or "unknown" in name:
                    break
                names.append(name)
            return tuple(name for name in names if name not in _NO_LANGUAGE_MODELS)
        return ()

    def states(self) -> list[BackendState]:
        """List the back ends that loaded, and why another did not."""
        return backend_states(self.ggml, self._package, self._cuda)
