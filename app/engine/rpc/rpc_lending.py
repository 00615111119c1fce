"""Lends this computer's devices to another one, by llama.cpp's own rpc-server in a process of its own."""

import subprocess
import threading
from collections.abc import Sequence
from typing import BinaryIO, cast

import msgspec

from app.base.errors import EngineError
from app.base.parent_death import KillOnClose
from app.engine.rpc.rpc_address import RpcError
from app.engine.rpc.rpc_probe import probe
from models.system.child_process import NO_WINDOW, computing_environment
from models.system.progress import raise_if_cancelled

NO_RPC = 3
"""Exit status of the process where llama.cpp was built without RPC."""

START_TIMEOUT_S = 60.0
PROBE_INTERVAL_S = 0.05


class RpcServe(msgspec.Struct, frozen=True, kw_only=True):
    """The address to listen on ("1.2.3.4:port"), and how many threads the processor computes with."""

    endpoint: str
    threads: int


class RpcLending:
    """A running rpc-server."""

    def __init__(self, command: Sequence[str], serve: RpcServe) -> None:
        """Start it; `command` is `app.base.children.child_command("rpc_server")`."""
        self.endpoint = serve.endpoint
        self._job = KillOnClose()
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            # That of the program may be a pipe which is closed before it ends.
            stdout=subprocess.DEVNULL,
            # It names each connection, also those that only ask for the free memory.
            stderr=subprocess.DEVNULL,
            env=computing_environment(),
            creationflags=NO_WINDOW,
            # Ctrl+C is for the program, which then ends the process.
            start_new_session=True,
        )
        self._job.add(self._process)
        stdin = cast(BinaryIO, self._process.stdin)
        stdin.write(msgspec.json.encode(serve) + b"\n")
        stdin.flush()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_until_it_answers(self, cancel: threading.Event) -> None:
        """Return when another computer could use it. Raises `EngineError`, or `Cancelled`."""
        for _ in range(int(START_TIMEOUT_S / PROBE_INTERVAL_S)):
            self.check()
            try:
                probe(self.endpoint, self.endpoint)
            except RpcError:
                cancel.wait(PROBE_INTERVAL_S)
                raise_if_cancelled(cancel)
            else:
                return
        raise EngineError("The rpc-server does not start.", "Choose another port, or run “stillroom doctor”.")

    def check(self) -> None:
        """Raise `EngineError` where it has ended by itself."""
        status = self._process.poll()
        if status is None:
            return
        if status == NO_RPC:
            raise EngineError(
                "The installed llama.cpp was built without RPC, so it cannot lend this computer.",
                'Install it again with CMAKE_ARGS="-DGGML_RPC=ON", or use Stillroom\'s own build.',
            )
        raise EngineError(
            "The rpc-server ended (exit code {status}).",
            "{endpoint} may be in use already, or not an address of this computer.",
            status=status,
            endpoint=self.endpoint,
        )

    def close(self) -> None:
        """End it at once; whoever uses it loses it."""
        self._process.kill()
        self._process.wait()
        cast(BinaryIO, self._process.stdin).close()
