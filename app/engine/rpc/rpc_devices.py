"""The devices of other computers, through llama.cpp's own RPC back end.

llama_cpp has no call for it: the back end's own function is asked for by its name. Its devices are handed to
a model by their handles and are not registered with ggml, whose list would ask each of them for its memory,
and end the process, long after the other computer was switched off.
https://github.com/ggml-org/llama.cpp/blob/master/ggml/include/ggml-rpc.h
"""

import ctypes
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.engine.devices.ggml import device_of
from app.engine.protocol import Device, RpcProblem, RpcServer
from app.engine.rpc.rpc_address import RpcError, numeric_endpoint
from app.engine.rpc.rpc_probe import connect, probe

MOST_DEVICES = 16
"""Of one computer; also GGML_RPC_MAX_SERVERS."""

_AddServer = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)


@dataclass(frozen=True, slots=True)
class RemoteDevice:
    """A device of another computer: ggml's handle, and the endpoint it is reached at."""

    handle: int
    endpoint: str
    device: Device


class RpcDevices:
    """Finds the devices of other computers; on the engine's thread.

    Every question to a computer that is gone ends the process, so each is probed first. One that holds a part
    of a loaded model is not: it would answer only after that model is freed. It is `hold`'s caller that
    says so.
    """

    def __init__(self, ggml: Any) -> None:
        self._ggml = ggml
        self._held: Counter[str] = Counter()
        address = self.function("ggml_backend_rpc_add_server")
        self._add_server = _AddServer(address) if address else None

    @property
    def available(self) -> bool:
        """Tell whether this llama.cpp was built with RPC."""
        return self._add_server is not None

    def function(self, name: str) -> int:
        """Return the address of a function of the RPC back end; 0 where llama.cpp was built without it."""
        registry = self._ggml.ggml_backend_reg_by_name(b"RPC")
        if not registry:
            return 0
        return self._ggml.ggml_backend_reg_get_proc_address(registry, name.encode()) or 0

    def hold(self, endpoints: Iterable[str]) -> None:
        """Mark the connection to these as taken by a model until `release`."""
        self._held.update(endpoints)

    def release(self, endpoints: Iterable[str]) -> None:
        """Release them: the model is freed."""
        self._held.subtract(endpoints)

    def find(self, servers: Sequence[RpcServer]) -> tuple[list[RemoteDevice], list[RpcProblem]]:
        """Return the devices of the computers that answer, and why the others cannot be used."""
        found: list[RemoteDevice] = []
        problems: list[RpcProblem] = []
        for server in servers:
            try:
                found += self._devices_of(server)
            except RpcError as error:
                values = {
                    name: value if isinstance(value, str | int | float) else str(value)
                    for name, value in error.values.items()
                }
                problems.append(
                    RpcProblem(address=server.address, message=error.message, hint=error.hint, values=values)
                )
        return found, problems

    def _devices_of(self, server: RpcServer) -> list[RemoteDevice]:
        if self._add_server is None:
            raise RpcError(
                "The installed llama.cpp was built without RPC, so {address} cannot be used.",
                'Install it again with CMAKE_ARGS="-DGGML_RPC=ON", or use Stillroom\'s own build.',
                address=server.address,
            )
        endpoint = numeric_endpoint(server)
        if self._held[endpoint] > 0:
            connect(endpoint, server.address).close()
        else:
            probe(endpoint, server.address)
        registry = self._add_server(endpoint.encode())
        if not registry:
            raise RpcError(
                "The rpc-server at {address} offers no device.",
                "Start it with a device, such as “ggml-rpc-server --device CPU”.",
                address=server.address,
            )
        count = min(self._ggml.ggml_backend_reg_dev_count(registry), MOST_DEVICES)
        handles = [self._ggml.ggml_backend_reg_dev_get(registry, index) for index in range(count)]
        return [
            RemoteDevice(
                handle,
                endpoint,
                msgspec.structs.replace(device_of(self._ggml, handle), description=server.address),
            )
            for handle in handles
        ]
