"""The engine: one thread that creates, uses and frees everything of llama.cpp.

It knows nothing of processes: requests come in through `post`, events go out through a callback.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.base.errors import Cancelled, EngineError, RequestError, StillroomError
from app.engine.batching.prefix import Held
from app.engine.protocol import (
    AnswerNow,
    Cancel,
    DropStates,
    Embed,
    Embedded,
    Event,
    Failed,
    Generate,
    ListDevices,
    Load,
    Loaded,
    LoadProgress,
    Measure,
    PlanLoad,
    Prepare,
    ReadCards,
    Ready,
    Request,
    Shutdown,
    Tokenize,
    Tokenized,
    Unload,
    Unloaded,
)
from app.engine.supervision.activity import Pulse
from app.engine.worker.device_memory import DeviceMemory, free_ram_bytes
from app.engine.worker.model_turns import Turns
from app.engine.worker.preparation import (
    Preparable,
    Preparation,
    Prepared,
    Preparer,
    prepared_at_once,
    takes_long,
)
from app.engine.worker.resident_models import ModelsInMemory, Resident, check_file
from converters.gguf.gguf_reader import check_gguf

if TYPE_CHECKING:
    from app.engine.llama.abort import AbortFlag

_Answered = Load | Generate | Tokenize | Embed | ListDevices | PlanLoad | Measure
"""Requests that hear of their end."""


class EngineCore:
    """Runs requests in the order they come; replies run side by side, each model's in its sequences.

    A load waits where it needs the room of a model that is in the middle of a reply, and what comes after it
    waits as well. `emit` is called on the engine's thread and must not block for long.
    """

    def __init__(self, emit: Callable[[Event], None], free_ram: Callable[[], int] = free_ram_bytes) -> None:
        self.pulse = Pulse()
        """For who watches that the engine's thread gets on."""
        self._emit = emit
        self._free_ram = free_ram
        self._inbox: deque[tuple[float, Request]] = deque()
        self._cards_asked = threading.Event()
        self._wake = threading.Event()
        self._cancelled: set[int] = set()
        self._abort: AbortFlag | None = None
        self._models = ModelsInMemory()
        self._waiting: deque[tuple[float, Request]] = deque()
        """A load that waits for room, and what came after it."""
        self._prepared: deque[Preparation] = deque()
        self._turns = Turns()
        self._stepped_s = self._step_s = 0.0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Start the thread; its first event is `Ready`."""
        self._thread.start()

    def post(self, request: Request) -> None:
        """Hand in a request; any thread. A `Cancel` takes effect within the step that runs now."""
        if isinstance(request, Cancel):
            self._cancelled.add(request.request_id)
        if isinstance(request, ReadCards):
            # Neither behind a load nor in front of anything.
            self._cards_asked.set()
            self._look_up()
            return
        self._inbox.append((time.perf_counter(), request))
        again = isinstance(request, Load) and request.path in self._models
        overtakes = isinstance(request, Generate) and self._models.works_ahead
        if (
            again or overtakes or isinstance(request, Cancel | Shutdown | Unload)
        ) and self._abort is not None:
            self._abort.set()
        self._look_up()

    def _look_up(self) -> None:
        """Let the thread look at what has come, behind the step that runs now; any thread."""
        # In this order: where the thread is interrupted, it clears both.
        if self._abort is not None:
            self._abort.interrupt()
        self._wake.set()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for the thread to end after `Shutdown`."""
        self._thread.join(timeout_s)

    # The engine's thread from here on.

    def _run(self) -> None:
        from app.engine.devices.native_log import NativeLog
        from app.engine.llama.abort import AbortFlag
        from app.engine.llama.backend import Backend
        from app.engine.worker.resident_loader import Loader

        self._backend = Backend(NativeLog(), wakes=False)
        self._devices = DeviceMemory(self._backend, self._models, self._emit, self.pulse, self._free_ram)
        self._abort = AbortFlag()
        self._loader = Loader(
            self._backend,
            self._abort,
            self._emit,
            stops=self._stops_load,
            meanwhile=self._meanwhile,
            wake=self._look_up,
        )
        self._preparer = Preparer(self._on_prepared)
        self._emit(
            Ready(
                llama_cpp_version=self._backend.version,
                system_info=self._backend.system_info,
                devices=self._backend.devices(),
                pid=os.getpid(),
                architectures=self._backend.architectures(),
            )
        )
        while True:
            again_s = self._models.look_at_disk()
            if not self._models.busy:
                self._wake.wait(again_s)
                self._wake.clear()
            # Cleared before the inbox is read: a request that comes later sets it again.
            self._abort.clear()
            while self._inbox:
                arrived_s, request = self._inbox.popleft()
                if isinstance(request, Shutdown):
                    self._free()
                    self._preparer.close()
                    return
                self._take(request, arrived_s)
            self._serve_prepared()
            self._serve_waiting()
            self._read_cards()
            # While nobody asks for anything, there is nothing else to look at between two steps.
            while self._step_all() and not self._wake.is_set() and not self._waiting:
                pass

    def _step_all(self) -> bool:
        """Run one step of each busy model whose turn it is; False when nothing is to do."""
        busy = self._models.busy
        if len(busy) == 1:
            self._step(busy[0])
            return True
        any_front = any(resident.runner.in_front for resident in busy)
        for resident in busy:
            is_front = resident.runner.in_front
            if self._turns.may_step(is_front=is_front, any_front=any_front):
                self._step(resident)
                self._turns.took(self._step_s, is_front=is_front)
        return bool(busy)

    def _step(self, resident: Resident) -> None:
        context = resident.runner.loaded.context
        self.pulse.begin("step", lambda: context.fill, resident.token_s)
        resident.runner.step()
        self._step_s = self.pulse.end()
        self._stepped_s = time.perf_counter()
        resident.took(self._step_s, context.fill)

    def _meanwhile(self) -> None:
        """Go on with the replies of other models while one is being loaded, for half of the time."""
        assert self._abort is not None
        if time.perf_counter() - self._stepped_s >= self._step_s:
            for request_id in tuple(self._cancelled):
                for resident in self._models:
                    resident.runner.cancel(request_id)
            self._abort.clear()
            self._step_all()
        self._read_cards()
        self.pulse.begin("load")

    def _take(self, request: Request, arrived_s: float) -> None:
        """Serve a request, unless it has to wait behind a load."""
        if isinstance(request, Cancel):
            self._cancel(request.request_id)
        elif isinstance(request, Unload):
            self._unload(request)
        elif self._waiting and not isinstance(request, AnswerNow):
            self._waiting.append((arrived_s, request))
        else:
            self._serve(request, arrived_s)

    def _serve_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        while waiting:
            arrived_s, request = waiting.popleft()
            self._serve(request, arrived_s)
            if self._waiting:
                self._waiting.extend(waiting)
                return

    def _serve(self, request: Request, arrived_s: float) -> None:
        assert not isinstance(request, Cancel | Unload | Shutdown | ReadCards)
        try:
            if isinstance(request, Load):
                self._load(request, arrived_s)
            elif isinstance(request, ListDevices):
                self._emit(self._devices.list_devices(request))
            elif isinstance(request, Generate | Tokenize | Embed | Prepare):
                self._prepare(request, arrived_s)
            elif isinstance(request, PlanLoad):
                self._emit(self._devices.plan(request))
            elif isinstance(request, Measure):
                self._measure(request)
            elif isinstance(request, DropStates):
                self._drop_states(request)
            elif isinstance(request, AnswerNow):
                for resident in self._models:
                    resident.runner.answer_now(request.request_id)
        except StillroomError as error:
            if isinstance(request, _Answered):
                self._emit(_failed(request.request_id, error, load=isinstance(request, Load)))

    def _prepare(self, request: Preparable, arrived_s: float) -> None:
        """Have the request's text tokenised, here where it is short."""
        resident = self._models.find(request.model)
        loaded = resident.runner.loaded
        known: list[Held] = []
        if isinstance(request, Generate):
            try:
                check_file(resident)
            except EngineError as error:
                self._emit(_failed(request.request_id, error, reload="file"))
                return
            resident.runner.check(request)
            if request.partial is not None:
                known = resident.runner.known(request.chat_key)
        if takes_long(request, loaded):
            resident.preparing += 1
            self._preparer.begin(Preparation(request, arrived_s, loaded, known))
        else:
            self._serve_text(request, arrived_s, resident, prepared_at_once(request, loaded, known))

    def _on_prepared(self, preparation: Preparation) -> None:
        # The preparer's thread.
        self._prepared.append(preparation)
        self._look_up()

    def _serve_prepared(self) -> None:
        """Go on with the requests whose texts were tokenised meanwhile."""
        while self._prepared:
            preparation = self._prepared.popleft()
            request, result = preparation.request, preparation.result
            resident = next((one for one in self._models if one.runner.loaded is preparation.loaded), None)
            if resident is not None:
                resident.preparing -= 1
            if preparation.cancelled or resident is None or result is None:
                if not isinstance(request, Prepare):
                    self._emit(_cancelled(request))
                continue
            try:
                if isinstance(result, StillroomError):
                    raise result
                self._serve_text(request, preparation.arrived_s, resident, result)
            except StillroomError as error:
                if not isinstance(request, Prepare):
                    self._emit(_failed(request.request_id, error))

    def _serve_text(
        self, request: Preparable, arrived_s: float, resident: Resident, prepared: Prepared
    ) -> None:
        if isinstance(request, Tokenize):
            tokens = None if request.only_count else prepared.tokens
            self._emit(Tokenized(request_id=request.request_id, tokens=tokens, count=len(prepared.tokens)))
        elif isinstance(request, Embed):
            self._embed(request, resident, prepared.tokens)
        elif isinstance(request, Prepare):
            resident.runner.prepare(request, prepared.tokens)
        else:
            resident.runner.admit(request, arrived_s, prepared)
            if resident.info.gpu_layers:
                self._devices.look_at_cards(request.request_id)

    def _measure(self, request: Measure) -> None:
        from app.engine.worker.measuring import measure

        assert self._abort is not None
        runner = self._models.find(request.model).runner
        place = runner.begin_measuring(request.depth_tokens) if request.in_place else None
        try:
            measured = measure(
                self._backend,
                runner.loaded.model,
                request,
                place=place,
                abort=self._abort,
                pulse=self.pulse,
                stops=lambda: (
                    request.request_id in self._cancelled
                    or any(isinstance(other, Unload | Shutdown) for _, other in tuple(self._inbox))
                ),
            )
        except Cancelled:
            self._cancelled.discard(request.request_id)
            self._emit(_cancelled(request))
            return
        if request.in_place:
            runner.end_measuring(request.depth_tokens + measured.prompt_tokens)
        self._emit(measured)

    def _embed(self, request: Embed, resident: Resident, tokens: list[int]) -> None:
        from app.engine.loading.embedding import embedder_of, whole_text

        loaded = resident.runner.loaded
        assert self._abort is not None
        if not request.tokens:
            tokens = whole_text(loaded.model, tokens)
        embedder = embedder_of(self._backend, loaded, self._abort)
        self.pulse.begin("step", lambda: len(tokens))
        try:
            vector = embedder.vector(tokens, lambda: request.request_id in self._cancelled)
        except Cancelled:
            self._cancelled.discard(request.request_id)
            self._emit(_cancelled(request))
            return
        finally:
            self.pulse.end()
        self._emit(Embedded(request_id=request.request_id, vector=vector, tokens=len(tokens)))

    def _read_cards(self) -> None:
        if self._cards_asked.is_set():
            self._cards_asked.clear()
            self._emit(self._devices.read_cards())

    def _drop_states(self, request: DropStates) -> None:
        for resident in self._models:
            resident.runner.drop_chats(request.chat_keys)

    def _cancel(self, request_id: int) -> None:
        self._preparer.cancel(request_id)
        for resident in self._models:
            resident.runner.cancel(request_id)
        for item in tuple(self._waiting):
            request = item[1]
            if isinstance(request, _Answered) and request.request_id == request_id:
                self._waiting.remove(item)
                self._emit(_cancelled(request))
        self._cancelled.discard(request_id)

    def _load(self, request: Load, arrived_s: float) -> None:
        from app.engine.llama.errors import LoadCancelled

        self._free(request.path)
        self._emit(LoadProgress(request_id=request.request_id, path=request.path, fraction=0.0))
        if self._stops_load(request):
            self._cancelled.discard(request.request_id)
            self._emit(_cancelled(request))
            return
        check_gguf(Path(request.path))
        if request.settings.gpu_layers != 0:
            self._devices.wake_cards()
        if not self._make_room(request):
            self._emit(
                LoadProgress(request_id=request.request_id, path=request.path, fraction=0.0, waits=True)
            )
            self._waiting.append((arrived_s, request))
            return
        self.pulse.begin("load")
        try:
            resident = self._loader.load(request)
        except LoadCancelled:
            self._cancelled.discard(request.request_id)
            self._emit(_cancelled(request))
            return
        finally:
            self.pulse.end()
        self._models.add(resident)
        self._emit(Loaded(request_id=request.request_id, info=resident.info))

    def _free(self, path: str = "") -> None:
        """Free one model, or all of them, once nothing reads its vocabulary."""
        for resident in self._models:
            if path in ("", resident.info.path):
                self._preparer.leave(resident.runner.loaded)
        self._models.free(path)

    def _make_room(self, request: Load) -> bool:
        """Unload idle models until the load fits; False when it must wait for a reply's end."""
        while any(True for _ in self._models) and not self._devices.fits(request.path, request.settings):
            idle = self._models.idle()
            if idle is None:
                return False
            self._free(idle.info.path)
            self._devices.forget_remote()
            self._emit(Unloaded(request_id=0, path=idle.info.path))
        return True

    def _stops_load(self, load: Load) -> bool:
        # A later load of the same file, or the end of it, makes this one pointless.
        return load.request_id in self._cancelled or any(
            isinstance(request, Shutdown)
            or (isinstance(request, Load) and request.path == load.path)
            or (isinstance(request, Unload) and request.model in ("", load.path))
            for _, request in tuple(self._inbox)
        )

    def _unload(self, request: Unload) -> None:
        for item in tuple(self._waiting):
            load = item[1]
            if isinstance(load, Load) and request.model in ("", load.path):
                self._waiting.remove(item)
                self._emit(_cancelled(load))
        self._free(request.model)
        self._emit(Unloaded(request_id=request.request_id, path=request.model, rests=request.rests))


def _cancelled(request: _Answered) -> Failed:
    return Failed(
        request_id=request.request_id, message="Cancelled.", cancelled=True, load=isinstance(request, Load)
    )


def _failed(
    request_id: int, error: StillroomError, *, load: bool = False, reload: Literal["", "file"] = ""
) -> Failed:
    values: dict[str, str | int | float] = {
        name: value if isinstance(value, str | int | float) else str(value)
        for name, value in error.values.items()
    }
    return Failed(
        request_id=request_id,
        message=error.message,
        hint=error.hint,
        values=values,
        native=error.native if isinstance(error, EngineError) else "",
        refused=isinstance(error, RequestError),
        load=load,
        reload=reload,
    )
