"""The engine for the rest of the program: a background thread that owns the engine's process."""

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from app.engine.crashes import CrashLimit
from app.engine.deaths import Cause
from app.engine.frames import encodable
from app.engine.handles import Generation, LoadHandle, fail, resolve
from app.engine.life import EngineLife
from app.engine.lifeline import KillOnClose
from app.engine.load_memory import LoadMemory, Recalled
from app.engine.messages import (
    Alive,
    AnswerNow,
    Cancel,
    Delta,
    DevicesListed,
    DropStates,
    Event,
    Failed,
    Finished,
    Generate,
    ListDevices,
    Load,
    Loaded,
    LoadNotice,
    LoadProgress,
    LoadSettings,
    Lora,
    Measure,
    Measured,
    ModelInfo,
    Notice,
    Part,
    PlanLoad,
    Planned,
    Prepare,
    PromptProgress,
    Ready,
    ReplyEvent,
    RpcServer,
    Sampling,
    Tokenize,
    Tokenized,
    Unload,
    Unloaded,
)
from app.engine.model_file import mark
from app.engine.saved_states import StatesPlace, delete_states
from app.engine.state import EngineState, after, using
from app.engine.wanted import WantedModels
from app.errors import Cancelled, EngineError

log = logging.getLogger(__name__)

OnReplyEvent = Callable[[ReplyEvent], None]
OnState = Callable[[EngineState], None]
OnEvent = Callable[[Event], None]
SAVING_S = 5.0
"""What the end of the program waits for chats' states to be saved."""

_Request = Load | Unload | Generate | Tokenize | ListDevices | PlanLoad | Measure


@dataclass(slots=True, eq=False)
class _Pending:
    request: _Request
    future: "Future[Any]"
    on_event: Callable[[Any], None] | None = None


class EngineClient:
    """Starts the engine's process, speaks with it, and starts it again after a crash.

    Every method may be called from any thread and returns at once. Callbacks come one after the other on
    threads of the client: they must be quick and must not raise. A crash fails what was running with
    `EngineError`; a model comes back with the next request that needs it, and with less memory if that was
    the reason. After three crashes in a minute only `load` starts the process again.
    """

    def __init__(
        self, command: Sequence[str], memory: LoadMemory | None = None, states: StatesPlace | None = None
    ) -> None:
        """`command` is `app.children.child_command("engine")`; `memory` fills the automatic load settings,
        and learns where memory was short. In `states` is kept what was evaluated for chats."""
        self._command = list(command)
        self._memory = memory
        self._states = states
        self._changed = threading.Condition()
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._outbox: deque[_Request | Prepare | DropStates | AnswerNow | Cancel] = deque()
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
        chats' states to be saved."""
        with self._changed:
            self._closed = True
            started, life = self._started, self._life
            self._changed.notify_all()
        if life is not None and self._states is not None:
            life.end_in_order(SAVING_S)
        elif life is not None:
            life.end()
        if started:
            self._thread.join()

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

    def load(
        self,
        path: str,
        settings: LoadSettings = LoadSettings(),  # noqa: B008 - frozen
        on_progress: Callable[[float], None] | None = None,
        *,
        remember: bool = True,
    ) -> LoadHandle:
        """Load a GGUF file, beside what is loaded where it fits: see `messages.Load`. `on_progress` gets 0 to
        1. Requests that name no model are for this one from now on. Without `remember` it is loaded as if it
        had never been before."""
        memory = self._memory if remember else None
        recalled = Recalled(settings) if memory is None else memory.recall(path, settings)
        request = self._load_request(path, recalled.settings, recalled.notices)
        future: Future[ModelInfo] = Future()

        def report(event: LoadProgress) -> None:
            if on_progress is not None:
                on_progress(event.fraction)

        with self._changed:
            self._wanted.want(path, settings, mark(path), recalled)
            self._blocked = None
            self._crashes.reset()
            self._changed.notify_all()
        cancel = self._canceller(request.request_id, future)
        self._submit(_Pending(request, future, report))
        return LoadHandle(future, cancel)

    def use(self, path: str) -> None:
        """Requests that name no model are for this one from now on, which was loaded before; it is loaded
        again with the first of them, if it had to make room meanwhile."""
        with self._changed:
            self._wanted.use(path)
            state = using(self._state, path)
        if state is not self._state:
            self._set_state(state)

    def unload(self, path: str = "") -> "Future[None]":
        """Free the model of the file `path`, or all of them, and their memory."""
        future: Future[None] = Future()
        with self._changed:
            self._wanted.forget(path)
        self._submit(_Pending(Unload(request_id=next(self._ids), model=path), future))
        return future

    def rest(self) -> bool:
        """Free all models and their memory until the next request that needs one; False while something is
        asked of the engine, or nothing is loaded."""
        with self._changed:
            if self._closed or self._pending or not self._wanted.any_present:
                return False
            # Whatever is asked from now on loads its model again, behind this.
            self._wanted.gone()
            request = Unload(request_id=next(self._ids), rests=True)
            self._pending[request.request_id] = _Pending(request, Future())
            self._send(request)
            return True

    def generate(
        self,
        parts: Sequence[Part] = (),
        *,
        tokens: Sequence[int] | None = None,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        max_tokens: int = 0,
        stop: Sequence[str] = (),
        thinking: Literal["open", "auto", "off"] = "auto",
        ignore_eog: bool = False,
        reuse_prefix: bool = True,
        on_event: OnReplyEvent | None = None,
    ) -> Generation:
        """Ask the current model for one reply; the arguments are those of `messages.Generate`."""
        request = Generate(
            request_id=0,
            parts=list(parts),
            tokens=None if tokens is None else list(tokens),
            sampling=sampling,
            max_tokens=max_tokens,
            stop=list(stop),
            thinking=thinking,
            ignore_eog=ignore_eog,
            reuse_prefix=reuse_prefix,
        )
        return self.ask(request, on_event)

    def ask(self, request: Generate, on_event: OnReplyEvent | None = None) -> Generation:
        """Ask for one reply; the request gets an id of the client's own."""
        request = msgspec.structs.replace(
            request,
            request_id=next(self._ids),
            parts=[Part(encodable(part.text), part.special) for part in request.parts],
            stop=[encodable(text) for text in request.stop],
            grammar=encodable(request.grammar),
            json_schema=encodable(request.json_schema),
        )
        future: Future[Finished] = Future()
        cancel = self._canceller(request.request_id, future)
        self._submit(_Pending(request, future, on_event))

        def answer_now() -> None:
            with self._changed:
                if request.request_id in self._pending:
                    self._send(AnswerNow(request_id=request.request_id))

        return Generation(future, cancel, answer_now)

    def tokenize(self, parts: Sequence[Part], model: str = "") -> "Future[list[int]]":
        """Token ids of a prompt, with BOS, as `generate` would evaluate it."""
        clean = [Part(encodable(part.text), part.special) for part in parts]
        future: Future[list[int]] = Future()
        self._submit(_Pending(Tokenize(request_id=next(self._ids), parts=clean, model=model), future))
        return future

    def prepare(
        self, parts: Sequence[Part], chat_key: str, model: str = "", loras: tuple[Lora, ...] = ()
    ) -> None:
        """Let a model, if it is there, evaluate ahead what a chat's next prompt begins with."""
        clean = [Part(encodable(part.text), part.special) for part in parts]
        with self._changed:
            found = self._wanted.find(model)
            if self._ready and found is not None and found.present:
                self._send(Prepare(parts=clean, chat_key=chat_key, model=found.path, loras=loras))

    def drop_states(self, chat_keys: Sequence[str]) -> None:
        """Delete what was evaluated for these chats, in the engine and on the disk."""
        with self._changed:
            if self._ready:
                # What it is writing just now comes after the deletion here, and before the one there.
                self._send(DropStates(chat_keys=list(chat_keys)))
        if self._states is not None:
            delete_states(self._states.folder, chat_keys)

    def list_devices(self, rpc_servers: Sequence[RpcServer] = ()) -> "Future[DevicesListed]":
        """The compute devices with the memory that is free now, and those of other computers."""
        future: Future[DevicesListed] = Future()
        request = ListDevices(request_id=next(self._ids), rpc_servers=tuple(rpc_servers))
        self._submit(_Pending(request, future))
        return future

    def plan(self, path: str, settings: LoadSettings) -> "Future[Planned]":
        """What `load` would come to, without loading."""
        future: Future[Planned] = Future()
        if self._memory is not None:
            settings = self._memory.recall(path, settings).settings
        request = PlanLoad(request_id=next(self._ids), path=path, settings=settings)
        self._submit(_Pending(request, future))
        return future

    def measure(
        self, settings: LoadSettings, *, prompt_tokens: int, decode_tokens: int, most_s: float
    ) -> tuple["Future[Measured]", Callable[[], None]]:
        """Time the current model with other settings of its context, and what cancels that."""
        request = Measure(
            request_id=next(self._ids),
            settings=settings,
            prompt_tokens=prompt_tokens,
            decode_tokens=decode_tokens,
            most_s=most_s,
        )
        future: Future[Measured] = Future()
        cancel = self._canceller(request.request_id, future)
        self._submit(_Pending(request, future))
        return future, cancel

    def _submit(self, pending: _Pending) -> None:
        self.start()
        with self._changed:
            refused = Cancelled() if self._closed else self._blocked
            if refused is None:
                request = pending.request
                if isinstance(request, Generate | Tokenize):
                    pending.request = request = self._named(request)
                    self._restore(request.model)
                self._pending[request.request_id] = pending
                self._send(request)
        if refused is not None:
            fail(pending.future, refused)

    def _named(self, request: Generate | Tokenize) -> Generate | Tokenize:
        """The request with its model's name: another one may be the current one when it is served."""
        current = self._wanted.find(request.model)
        if request.model or current is None:
            return request
        return msgspec.structs.replace(request, model=current.path)

    def _restore(self, path: str) -> None:
        """Load a wanted model that is not in memory, ahead of the request that needs it."""
        model = self._wanted.find(path)
        if model is None or model.present or self._loads(path):
            return
        model.mark = mark(path)
        load = self._load_request(path, model.settings, model.notices)
        self._pending[load.request_id] = _Pending(load, Future())
        self._send(load)

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

    def _loads(self, path: str = "") -> list[Load]:
        """The loads that are not answered, of one file or of all."""
        requests = [pending.request for pending in self._pending.values()]
        return [request for request in requests if isinstance(request, Load) and path in ("", request.path)]

    def _send(self, message: _Request | Prepare | DropStates | AnswerNow | Cancel) -> None:
        self._outbox.append(message)
        self._flush()

    def _flush(self) -> None:
        if self._ready and self._life is not None:
            while self._outbox:
                self._life.write(self._outbox.popleft())

    def _canceller(self, request_id: int, future: "Future[Any]") -> Callable[[], None]:
        def cancel() -> None:
            with self._changed:
                pending = self._pending.get(request_id)
                if pending is None:
                    return
                self._send(Cancel(request_id=request_id))
                at_once = not self._ready or self._waits_for_load(pending.request)
                if at_once:
                    # The engine will come to it only later, and then nobody listens any more.
                    del self._pending[request_id]
            if at_once:
                fail(pending.future, Cancelled())

        def on_done(done: "Future[Any]") -> None:
            # An awaiting task that is cancelled cancels its future.
            if done.cancelled():
                cancel()

        future.add_done_callback(on_done)
        return cancel

    def _waits_for_load(self, request: _Request) -> bool:
        if isinstance(request, Load):
            return False
        before = itertools.takewhile(lambda other: other.request is not request, self._pending.values())
        return any(isinstance(pending.request, Load) for pending in before)

    # The client's threads from here on.

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._blocked is None)
                if self._closed:
                    break
            self._live()
        with self._changed:
            lost = self._take_pending()
        self._set_state(EngineState("stopped"))
        for item in lost:
            fail(item.future, Cancelled())

    def _live(self) -> None:
        """One life of the process, from its start to its end."""
        self._set_state(EngineState("starting", error=self._state.error))
        try:
            life = EngineLife(self._command, self._job, self._handle)
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
            self._flush()
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
            return self._wanted.changed_file()

    def _crashed(self, cause: Cause, error: EngineError, *, final: bool) -> None:
        with self._changed:
            last = self._crashes.record(error, time.monotonic())
            error = last or error
            if last is not None or final:
                self._blocked = error
            self._life = None
            self._ready = False
            loads = self._loads()
            # A request that comes from now on belongs to the next process.
            lost = self._take_pending()
            used = [item.request.model for item in lost if isinstance(item.request, Generate)]
            at_work = [loads[0].path] if loads else used or [""]
            for path in dict.fromkeys(at_work):
                self._wanted.step_down(path, cause, loading=bool(loads))
            self._wanted.gone()
        self._set_state(EngineState("dead", error=error))
        for item in lost:
            fail(item.future, error)

    def _take_pending(self) -> list[_Pending]:
        pending = list(self._pending.values())
        self._pending.clear()
        self._outbox.clear()
        return pending

    def _handle(self, event: Event) -> None:
        for on_event in tuple(self._event_observers):
            on_event(event)
        with self._changed:
            if isinstance(event, Ready | Alive):
                pending = None
            elif isinstance(event, Delta | PromptProgress | Notice | LoadProgress):
                pending = self._pending.get(event.request_id)
            else:
                pending = self._pending.pop(event.request_id, None)
            self._note(event, pending)
            dependants = self._dependants(event, pending)
            state = after(self._state, event)
        if state is not self._state:
            self._set_state(state)
        if isinstance(event, Ready):
            with self._changed:
                self._ready = True
                self._flush()
        elif isinstance(event, Delta | PromptProgress | Notice | LoadProgress):
            if pending is not None and pending.on_event is not None:
                pending.on_event(event)
        elif not isinstance(event, Alive):
            for item in ([pending] if pending is not None else []) + dependants:
                _settle(event, item.future)

    def _note(self, event: Event, pending: _Pending | None) -> None:
        """What an event says of the wanted models."""
        request = pending.request if pending is not None else None
        if isinstance(event, LoadProgress) and event.plan is not None:
            self._wanted.planned(event.path, event.plan)
        elif isinstance(event, Loaded):
            lowered = self._wanted.loaded(event.info)
            if lowered is not None and self._memory is not None:
                self._memory.note_lowered(event.info.path, lowered)
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

    def _dependants(self, event: Event, pending: _Pending | None) -> list[_Pending]:
        """What waited for a load that failed; it would only hear that there is no model."""
        if not isinstance(event, Failed) or pending is None or not isinstance(pending.request, Load):
            return []
        path = pending.request.path
        if self._loads(path):
            return []
        self._wanted.forget(path)
        return [
            self._pending.pop(request_id)
            for request_id, other in list(self._pending.items())
            if isinstance(other.request, Generate | Tokenize) and other.request.model == path
        ]

    def _set_state(self, state: EngineState) -> None:
        with self._changed:
            self._state = state
            observers = list(self._observers)
        for on_state in observers:
            on_state(state)


def _settle(
    event: Loaded | Unloaded | Finished | Tokenized | DevicesListed | Measured | Planned | Failed,
    future: "Future[Any]",
) -> None:
    """Hand an answer to who waits for it."""
    match event:
        case Failed(cancelled=True):
            fail(future, Cancelled())
        case Failed():
            fail(future, EngineError(event.message, event.hint, native=event.native, **event.values))
        case Loaded():
            resolve(future, event.info)
        case Unloaded():
            resolve(future, None)
        case Tokenized():
            resolve(future, event.tokens)
        case _:
            resolve(future, event)
