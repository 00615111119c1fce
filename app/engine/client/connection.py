"""The background thread that owns the engine's process, and what is asked of it."""

import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import msgspec

from app.base.errors import Cancelled, EngineError
from app.base.parent_death import KillOnClose
from app.base.threads import start_thread
from app.engine.client.engine_life import EngineLife
from app.engine.client.open_requests import Answered, Pending, PendingRequests
from app.engine.client.outbox import Outbox
from app.engine.client.wanted_models import WantedModel, WantedModels
from app.engine.kv_states.saved_states import StatesPlace
from app.engine.planning.load_history import LoadMemory, Lowered, Recalled
from app.engine.protocol import (
    Alive,
    AnswerNow,
    Cancel,
    CardsRead,
    Delta,
    DevicesFound,
    DropStates,
    Embed,
    Event,
    Failed,
    Finished,
    Generate,
    Load,
    Loaded,
    LoadNotice,
    LoadProgress,
    LoadSettings,
    ModelInfo,
    Notice,
    Prepare,
    PromptProgress,
    ReadCards,
    Ready,
    Tokenize,
    Unload,
    Unloaded,
)
from app.engine.protocol.engine_state import EngineState, after, using
from app.engine.protocol.pending_results import fail, settle
from app.engine.supervision.exit_reason import Cause
from app.engine.supervision.restart_limit import CrashLimit
from models.system.file_stamp import FileMark, first_changed, mark

log = logging.getLogger(__name__)

OnState = Callable[[EngineState], None]
OnEvent = Callable[[Event], None]

SAVING_S = 1.2
"""Longest wait at the program's end for chats' states to be saved; the next run computes what is missing."""

KILLED_S = 0.8
"""Longest wait for a process that was killed; a driver can hold one in the kernel for ever."""


class EngineConnection:
    """Starts the engine's process, sends what is asked, settles what is answered, and starts the process
    again after a crash. Any thread; nothing waits. What can be asked is in `EngineClient`.

    `_changed` guards everything; callbacks come without it, one after the other, on threads of its own.
    """

    def __init__(
        self, command: Sequence[str], memory: LoadMemory | None = None, states: StatesPlace | None = None
    ) -> None:
        """Start nothing yet. `command` is `child_command("engine")`; `memory` fills the automatic load
        settings, and learns where memory was short; `states` is where chats' states are kept."""
        self._command = list(command)
        self._memory = memory
        self._states = states
        self._changed = threading.Condition()
        self._ids = itertools.count(1)
        self._pending = PendingRequests()
        self._outbox = Outbox()
        self._life: EngineLife | None = None
        self._ready = False
        self._wanted = WantedModels()
        self._crashes = CrashLimit()
        self._blocked: EngineError | None = None
        self._closed = False
        self._job = KillOnClose()
        self._state = EngineState("stopped")
        self._observers: list[OnState] = []
        self._event_observers: list[OnEvent] = []
        self._asked_observers: list[Callable[[Generate], None]] = []
        # The child is tied to the thread that starts it (see lifeline), so this thread lives until `close`.
        self._thread = threading.Thread(target=self._run, name="engine-client", daemon=True)
        self._started = False

    def start(self) -> None:
        """Start the process ahead of the first request; its devices are in the state once it is "ready"."""
        with self._changed:
            if self._started or self._closed:
                return
            self._started = True
            self._thread.start()

    def close(self) -> None:
        """End the process and fail what is running with `Cancelled`. Waits for the end, and a moment for the
        chats' states to be saved: `SAVING_S` and `KILLED_S` at most."""
        with self._changed:
            self._closed = True
            started, life = self._started, self._life
            # Without a model in memory there is nothing to save, and a load may take long to hear of the end.
            saves = self._states is not None and bool(self._state.models)
            self._changed.notify_all()
        if life is not None and saves:
            life.end_in_order(SAVING_S)
        elif life is not None:
            life.end()
        if started:
            self._thread.join(KILLED_S)
            if self._thread.is_alive():
                log.error("the engine process cannot be ended, and is left behind")
                self._cancel_all()

    @property
    def state(self) -> EngineState:
        """The present state."""
        return self._state

    def observe(self, on_state: OnState) -> None:
        """Tell every change of state from now on, the present state first."""
        with self._changed:
            self._observers.append(on_state)
            state = self._state
        on_state(state)

    def observe_events(self, on_event: OnEvent) -> None:
        """Repeat every event of the engine, for those who count (the telemetry)."""
        with self._changed:
            self._event_observers.append(on_event)

    def observe_asked(self, on_asked: Callable[[Generate], None]) -> None:
        """Tell of every reply that is asked for, on the thread that asks."""
        with self._changed:
            self._asked_observers.append(on_asked)

    def next_id(self) -> int:
        """An id for a request."""
        return next(self._ids)

    def submit(
        self, request: Answered, future: "Future[Any]", on_event: Callable[[Any], None] | None = None
    ) -> Callable[[], None]:
        """Send a request, after a load of the model that it needs; `future` gets its answer, `on_event` what
        comes before. What is returned cancels it; so does a cancel of the future."""
        cancel = self._canceller(request.request_id, future)
        if isinstance(request, Generate):
            for on_asked in tuple(self._asked_observers):
                on_asked(request)
        self._submit(Pending(request, future, on_event))
        return cancel

    def load(
        self,
        path: str,
        settings: LoadSettings,
        recalled: Recalled,
        marked: FileMark | None,
        future: "Future[ModelInfo]",
        on_event: Callable[[LoadProgress], None],
    ) -> Callable[[], None]:
        """Load a model with what is `recalled` of it; from now on it comes back after a crash, with
        `settings`. `marked` is its file as it is now."""
        request = self._load_request(path, recalled.settings, recalled.notices)
        with self._changed:
            self._wanted.want(path, settings, marked, recalled)
            self._blocked = None
            self._crashes.reset()
            self._changed.notify_all()
        return self.submit(request, future, on_event)

    def unload(self, path: str, future: "Future[None]") -> None:
        """Free the model of a file, or all of them; it does not come back by itself."""
        with self._changed:
            self._wanted.forget(path)
        self._submit(Pending(Unload(request_id=self.next_id(), model=path), future))

    def rest(self) -> bool:
        """Free all models until the next request that needs one; False while something is asked of the
        engine, or nothing is loaded."""
        with self._changed:
            if self._closed or self._pending or not self._wanted.any_present:
                return False
            # Whatever is asked from now on loads its model again, behind this.
            self._wanted.gone()
            request = Unload(request_id=self.next_id(), rests=True)
            self._pending.add(Pending(request, Future()))
            self._outbox.put(request)
            return True

    def use(self, path: str) -> None:
        """Let requests that name no model be for this one, which was loaded before."""
        with self._changed:
            self._wanted.use(path)
            state = using(self._state, path)
        if state is not self._state:
            self._set_state(state)

    def bring_back(self, path: str) -> bool:
        """Load a wanted model that is not in memory before a request needs it; False where there is nothing
        to do."""
        with self._changed:
            found = self._wanted.find(path) if path else None
            if found is None or found.present or self._closed or self._blocked is not None:
                return False
            try:
                self._restore(path)
            except EngineError as error:
                log.warning("a model that had made room is not loaded again: %s", error)
                return False
            self._wanted.use(path)
            return True

    def wanted(self, path: str) -> str:
        """The file of the model `path`, or of the current one for an empty path; empty where it was not
        loaded, or was unloaded by the user."""
        with self._changed:
            found = self._wanted.find(path)
            return found.path if found is not None else ""

    def tell(self, message: Prepare | DropStates | ReadCards | AnswerNow) -> None:
        """Send what nobody waits for; nothing where the process is not ready, or too much is waiting."""
        with self._changed:
            if self._ready:
                with contextlib.suppress(EngineError):
                    self._outbox.put(message)

    def has_in_memory(self, path: str) -> bool:
        """Tell whether a wanted model is in memory."""
        with self._changed:
            found = self._wanted.find(path)
            return found is not None and found.present

    @property
    def is_replying(self) -> bool:
        """A reply is asked for, by whomever, and has not ended."""
        with self._changed:
            return self._pending.has_replies

    def is_open(self, request_id: int) -> bool:
        """Tell whether a request is not answered yet."""
        with self._changed:
            return request_id in self._pending

    def _submit(self, pending: Pending) -> None:
        self.start()
        with self._changed:
            refused = Cancelled() if self._closed else self._blocked
            if refused is None:
                request = pending.request
                try:
                    if isinstance(request, Generate | Tokenize | Embed):
                        pending.request = request = self._named(request)
                        self._restore(request.model)
                    self._outbox.put(request)
                    self._pending.add(pending)
                except EngineError as error:
                    refused = error
        if refused is not None:
            fail(pending.future, refused)

    def _named(self, request: Generate | Tokenize | Embed) -> Generate | Tokenize | Embed:
        """Return the request with its model's name: another one may be the current one when it is served."""
        current = self._wanted.find(request.model)
        if request.model or current is None:
            return request
        return msgspec.structs.replace(request, model=current.path)

    def _restore(self, path: str) -> None:
        """Load a wanted model that is not in memory, ahead of the request that needs it."""
        model = self._wanted.find(path)
        if model is None or model.present or self._pending.loads(path):
            return
        load = self._load_request(path, model.settings, model.notices)
        self._outbox.put(load)
        self._pending.add(Pending(load, Future()))
        model.mark, model.marked_for = None, load.request_id
        # Not here, under the lock: the disk may take its time.
        start_thread(partial(self._mark, model, load.request_id), "model-mark")

    def _mark(self, model: WantedModel, load_id: int) -> None:
        """Note what the file of a model is while it is loaded again."""
        marked = mark(model.path)
        with self._changed:
            # Else it was loaded once more since.
            if model.marked_for == load_id:
                model.mark = marked

    def _load_request(self, path: str, settings: LoadSettings, notices: Sequence[LoadNotice]) -> Load:
        states = self._states
        return Load(
            request_id=next(self._ids),
            path=path,
            settings=settings,
            notices=list(notices),
            states_path=str(states.folder) if states is not None else "",
            states_limit_bytes=states.limit_bytes() if states is not None else 0,
        )

    def _canceller(self, request_id: int, future: "Future[Any]") -> Callable[[], None]:
        def cancel() -> None:
            with self._changed:
                pending = self._pending.find(request_id)
                if pending is None:
                    return
                # What was not sent yet is never sent.
                withdrawn = self._outbox.withdraw(request_id)
                if not withdrawn:
                    self._outbox.put(Cancel(request_id=request_id))
                ended = []
                if withdrawn or not self._ready or self._pending.waits_for_load(pending.request):
                    # The engine will come to it only later, and then nobody listens any more.
                    self._pending.pop(request_id)
                    ended = [pending]
                if withdrawn and isinstance(pending.request, Load):
                    ended += self._without_load(pending.request.path)
            for item in ended:
                fail(item.future, Cancelled())

        def on_done(done: "Future[Any]") -> None:
            # An awaiting task that is cancelled cancels its future.
            if done.cancelled():
                cancel()

        future.add_done_callback(on_done)
        return cancel

    # The connection's own threads from here on.

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._blocked is None)
                if self._closed:
                    break
            self._live()
        self._set_state(EngineState("stopped"))
        self._cancel_all()

    def _live(self) -> None:
        """Run the process once, from its start to its end."""
        self._set_state(EngineState("starting", error=self._state.error))
        try:
            life = EngineLife(self._command, self._job, self._outbox, self._handle)
        except OSError as failure:
            self._crashed(
                "unknown",
                EngineError(
                    "The engine could not be started: {reason}.",
                    "Repair the installation, or allow the program in your security software.",
                    reason=str(failure),
                ),
                final=True,
            )
            return
        with self._changed:
            self._life = life
            closed = self._closed
        if closed:
            life.end()
        death = life.wait(self._changed_file)
        with self._changed:
            if self._closed:
                return
        log.warning("the engine process died: %s", death.error)
        self._crashed(death.cause, death.error, final=False)

    def _changed_file(self) -> str:
        with self._changed:
            used = self._wanted.mapped_files()
        # Not under the lock: the disk may take its time.
        return first_changed(used)

    def _crashed(self, cause: Cause, error: EngineError, *, final: bool) -> None:
        with self._changed:
            last = self._crashes.record(error, time.monotonic())
            error = last or error
            if last is not None or final:
                self._blocked = error
            self._life = None
            self._ready = False
            loads = self._pending.loads()
            lost = self._take_all()
            used = [item.request.model for item in lost if isinstance(item.request, Generate)]
            at_work = [loads[0].path] if loads else used or [""]
            for path in dict.fromkeys(at_work):
                self._wanted.step_down(path, cause, loading=bool(loads))
            self._wanted.gone()
        self._set_state(EngineState("dead", error=error))
        for item in lost:
            fail(item.future, error)

    def _cancel_all(self) -> None:
        with self._changed:
            lost = self._take_all()
        for item in lost:
            fail(item.future, Cancelled())

    def _take_all(self) -> list[Pending]:
        # A request that comes from now on belongs to the next process.
        self._outbox.close()
        self._outbox = Outbox()
        return self._pending.take_all()

    def _handle(self, event: Event) -> None:
        for on_event in tuple(self._event_observers):
            on_event(event)
        with self._changed:
            if isinstance(event, Ready | Alive | CardsRead | DevicesFound):
                pending = None
            elif isinstance(event, Delta | PromptProgress | Notice | LoadProgress):
                pending = self._pending.find(event.request_id)
            else:
                pending = self._pending.pop(event.request_id)
            lowered = self._note(event, pending)
            dependants = self._dependants(event, pending)
            state = after(self._state, event)
        if lowered is not None and self._memory is not None and isinstance(event, Loaded):
            # Not under the lock: it is written to the disk.
            self._memory.note_lowered(event.info.path, lowered)
        if state is not self._state:
            self._set_state(state)
        if isinstance(event, Ready):
            with self._changed:
                self._ready = True
        elif isinstance(event, Delta | PromptProgress | Notice | LoadProgress):
            if pending is not None and pending.on_event is not None:
                pending.on_event(event)
        elif not isinstance(event, Alive | CardsRead | DevicesFound):
            for item in ([pending] if pending is not None else []) + dependants:
                settle(event, item.future)

    def _note(self, event: Event, pending: Pending | None) -> Lowered | None:
        """Note what an event says of the wanted models; returns what memory was short for on a load."""
        request = pending.request if pending is not None else None
        if isinstance(event, LoadProgress) and event.plan is not None:
            self._wanted.planned(event.path, event.plan)
        elif isinstance(event, Loaded):
            return self._wanted.loaded(event.info)
        elif isinstance(event, Unloaded):
            self._wanted.gone(event.path)
        elif isinstance(event, Finished) and isinstance(request, Generate):
            self._wanted.answered(request.model)
        elif isinstance(event, Failed) and event.reload and isinstance(request, Generate):
            model = self._wanted.find(request.model)
            # Side by side, several replies may tell of the same failure.
            if model is not None and model.present:
                self._wanted.step_down(request.model, event.reload, loading=False)
                self._wanted.gone(request.model)
        return None

    def _dependants(self, event: Event, pending: Pending | None) -> list[Pending]:
        """Take out the requests that waited for a load that failed; without a model they would fail too."""
        if not isinstance(event, Failed) or pending is None or not isinstance(pending.request, Load):
            return []
        return self._without_load(pending.request.path)

    def _without_load(self, path: str) -> list[Pending]:
        """Take out what waited for a load that failed or was cancelled, unless there is another one."""
        if self._pending.loads(path):
            return []
        self._wanted.forget(path)
        waited = self._pending.take_dependants(path)
        for item in waited:
            self._outbox.withdraw(item.request.request_id)
        return waited

    def _set_state(self, state: EngineState) -> None:
        with self._changed:
            self._state = state
            observers = list(self._observers)
        for on_state in observers:
            on_state(state)
