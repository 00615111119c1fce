"""The engine: one thread that creates, uses and frees everything of llama.cpp.

It knows nothing of processes: requests come in through `post`, events go out through a callback.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine.messages import (
    Cancel,
    DevicesListed,
    Event,
    Failed,
    ListDevices,
    Load,
    Loaded,
    LoadProgress,
    Ready,
    Request,
    Shutdown,
    Tokenize,
    Tokenized,
    Unload,
    Unloaded,
)
from app.engine.scheduler import Scheduler
from app.errors import EngineError, StillroomError
from converters.inspect import check_gguf

if TYPE_CHECKING:
    from app.engine.llama.abort import AbortFlag
    from app.engine.llama.backend import Backend
    from app.engine.runner import Runner

PROGRESS_INTERVAL_S = 0.05


class EngineCore:
    """Runs requests in the order they come; replies run side by side in the model's sequences.

    Loading and unloading end the replies of the model that goes (they finish as "cancelled").
    `emit` is called on the engine's thread and must not block for long.
    """

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._inbox: deque[tuple[float, Request]] = deque()
        self._wake = threading.Event()
        self._cancelled: set[int] = set()
        self._abort: AbortFlag | None = None
        self._backend: Backend | None = None
        self._runner: Runner | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Start the thread; its first event is `Ready`."""
        self._thread.start()

    def post(self, request: Request) -> None:
        """Hand in a request; any thread. A `Cancel` takes effect within the step that runs now."""
        if isinstance(request, Cancel):
            self._cancelled.add(request.request_id)
        self._inbox.append((time.perf_counter(), request))
        if isinstance(request, Cancel | Shutdown | Load | Unload) and self._abort is not None:
            self._abort.set()
        self._wake.set()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for the thread to end after `Shutdown`."""
        self._thread.join(timeout_s)

    # The engine's thread from here on.

    def _run(self) -> None:
        from app.engine.llama.abort import AbortFlag
        from app.engine.llama.backend import Backend
        from app.engine.native_log import NativeLog

        self._backend = Backend(NativeLog())
        self._abort = AbortFlag()
        self._emit(
            Ready(
                llama_cpp_version=self._backend.version,
                system_info=self._backend.system_info,
                devices=self._backend.devices(),
                pid=os.getpid(),
            )
        )
        while True:
            if not self._busy:
                self._wake.wait()
                self._wake.clear()
            # Cleared before the inbox is read: a request that comes later sets it again.
            self._abort.clear()
            while self._inbox:
                arrived_s, request = self._inbox.popleft()
                if isinstance(request, Shutdown):
                    self._unload()
                    return
                self._serve(request, arrived_s)
            if self._runner is not None and self._runner.busy:
                self._runner.step()

    @property
    def _busy(self) -> bool:
        return self._runner is not None and self._runner.busy

    def _serve(self, request: Request, arrived_s: float) -> None:
        if isinstance(request, Cancel):
            if self._runner is not None:
                self._runner.cancel(request.request_id)
            self._cancelled.discard(request.request_id)
            return
        assert not isinstance(request, Shutdown)
        try:
            if isinstance(request, Load):
                self._load(request)
            elif isinstance(request, Unload):
                self._unload()
                self._emit(Unloaded(request_id=request.request_id))
            elif isinstance(request, ListDevices):
                assert self._backend is not None
                remote, problems = self._backend.rpc.find(request.rpc_servers)
                devices = [*self._backend.devices(), *(found.device for found in remote)]
                self._emit(
                    DevicesListed(
                        request_id=request.request_id,
                        devices=devices,
                        problems=problems,
                        backends=self._backend.states(),
                    )
                )
            elif isinstance(request, Tokenize):
                tokens = self._loaded().loaded.prompts.tokenize(request.parts)
                self._emit(Tokenized(request_id=request.request_id, tokens=tokens))
            else:
                self._loaded().admit(request, arrived_s)
        except StillroomError as error:
            self._fail(request.request_id, error)

    def _load(self, request: Load) -> None:
        from app.engine.llama.errors import LoadCancelled
        from app.engine.loading import load_model
        from app.engine.runner import Runner

        self._unload()
        assert self._backend is not None
        assert self._abort is not None
        reported_s = 0.0
        self._emit(LoadProgress(request_id=request.request_id, fraction=0.0))

        def on_progress(fraction: float) -> bool:
            nonlocal reported_s
            now = time.perf_counter()
            if now - reported_s >= PROGRESS_INTERVAL_S or fraction >= 1.0:
                reported_s = now
                self._emit(LoadProgress(request_id=request.request_id, fraction=fraction))
            return not self._stops_load(request.request_id)

        path = Path(request.path)
        try:
            check_gguf(path)
            loaded = load_model(self._backend, path, request.settings, self._abort, on_progress)
        except LoadCancelled:
            self._cancelled.discard(request.request_id)
            self._emit(Failed(request_id=request.request_id, message="Cancelled.", cancelled=True))
            return
        if self._stops_load(request.request_id):
            loaded.free()
            self._cancelled.discard(request.request_id)
            self._emit(Failed(request_id=request.request_id, message="Cancelled.", cancelled=True))
            return
        scheduler = Scheduler(request.settings.sequences, request.settings.batch_tokens)
        self._runner = Runner(self._backend, loaded, scheduler, self._emit)
        self._emit(Loaded(request_id=request.request_id, info=loaded.info))

    def _stops_load(self, request_id: int) -> bool:
        # A later Load, Unload or Shutdown makes this one pointless.
        return request_id in self._cancelled or any(
            isinstance(request, Load | Unload | Shutdown) for _, request in tuple(self._inbox)
        )

    def _unload(self) -> None:
        if self._runner is not None:
            self._runner.free()
            self._runner = None

    def _loaded(self) -> "Runner":
        if self._runner is None:
            raise EngineError("No model is loaded.", "Choose a model and load it first.")
        return self._runner

    def _fail(self, request_id: int, error: StillroomError) -> None:
        values: dict[str, str | int | float] = {
            name: value if isinstance(value, str | int | float) else str(value)
            for name, value in error.values.items()
        }
        self._emit(
            Failed(
                request_id=request_id,
                message=error.message,
                hint=error.hint,
                values=values,
                native=error.native if isinstance(error, EngineError) else "",
            )
        )
