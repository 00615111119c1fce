"""llama.cpp's own rpc-server as a process: lends this computer's devices to another one.

The first line of stdin is an `RpcServe` in JSON; the process ends when stdin does. What llama.cpp prints of
its clients goes to stderr. The server is `ggml_backend_rpc_start_server` of ggml/include/ggml-rpc.h, which
tools/rpc/rpc-server.cpp runs too.
"""

import ctypes
import os
import sys
import threading

import msgspec

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.planning.cards import offload_devices
from app.engine.rpc.rpc_lending import NO_RPC, RpcServe
from models.system.child_process import die_with_parent

_StartServer = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p)
)


def main() -> int:
    """Serve, one client after the other, until stdin ends; returns only when it cannot listen."""
    die_with_parent(os.getppid())
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=RpcServe)
    os.dup2(2, 1)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    backend = Backend(NativeLog())
    address = backend.rpc.function("ggml_backend_rpc_start_server")
    if not address:
        return NO_RPC
    local = backend.local_devices()
    wanted = offload_devices([device for _, device in local])
    wanted = wanted or [device for _, device in local if device.kind == "cpu"]
    handles = [handle for device in wanted for handle, each in local if each == device]
    devices = (ctypes.c_void_p * len(handles))(*handles)
    _StartServer(address)(request.endpoint.encode(), None, request.threads, len(handles), devices)
    return 1


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
