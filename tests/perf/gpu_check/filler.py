"""Another program that takes a card's memory, until its stdin ends: `DEVICE MOST_BYTES`, 0 for all there is.

Says that it is ready, waits for a line, and prints the bytes that it got. It allocates by ggml, so it is the
same for CUDA, Vulkan and the processor.
"""

import ctypes
import sys

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from tests.perf.gpu_check.memory import KEPT_FREE_BYTES, READY

LARGEST, SMALLEST = 1 << 30, 16 << 20


def main() -> None:
    """Take it when told, say so, and hold it."""
    name, most = sys.argv[1], int(sys.argv[2])
    backend = Backend(NativeLog())
    (device,) = [handle for handle, device in backend.local_devices() if device.name == name]
    ggml = backend.ggml
    allocate, free_of = ggml.ggml_backend_buft_alloc_buffer, ggml.ggml_backend_dev_memory
    allocate.restype = ctypes.c_void_p
    allocate.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    clear = ggml.ggml_backend_buffer_clear
    clear.argtypes = [ctypes.c_void_p, ctypes.c_uint8]
    clear.restype = None
    kind = ggml.ggml_backend_dev_buffer_type
    kind.restype = ctypes.c_void_p
    kind.argtypes = [ctypes.c_void_p]
    free_of.argtypes = [ctypes.c_void_p, *[ctypes.POINTER(ctypes.c_size_t)] * 2]
    free_of.restype = None
    # The driver is asked now: what it does first takes seconds.
    allocated = allocate(kind(device), SMALLEST)
    release = ggml.ggml_backend_buffer_free
    release.restype = None
    release.argtypes = [ctypes.c_void_p]
    if allocated:
        release(allocated)
    print(READY, flush=True)
    sys.stdin.readline()
    took, size = 0, LARGEST
    while size >= SMALLEST:
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        free_of(device, ctypes.byref(free), ctypes.byref(total))
        room = min(free.value - KEPT_FREE_BYTES, most - took if most else free.value)
        if room < SMALLEST:
            break
        size = min(size, room)
        buffer = allocate(kind(device), size)
        if not buffer:
            size //= 2
            continue
        # Memory that nothing was written into is not there yet, in RAM.
        clear(buffer, 1)
        took += size
    print(took, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
