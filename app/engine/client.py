"""The engine for the rest of the program: a background thread that owns the engine's process."""

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.engine.child import EngineChild, crash_error, describe_exit
from app.engine.crashes import CrashLimit
from app.engine.frames import encodable
from app.engine.handles import Generation, LoadHandle, fail, resolve
from app.engine.lifeline import KillOnClose
from app.engine.messages import (
    Cancel,
    Delta,
    DevicesListed,
    Event,
    Failed,
    Finished,
    Generate,
    ListDevices,
    Load,
    Loaded,
    LoadProgress,
    LoadSettings,
    ModelInfo,
    Part,
    PromptProgress,
    Ready,
    RpcServer,
    Sampling,
    Tokenize,
    Tokenized,
    Unload,
    Unloaded,
)
from app.engine.state import EngineState
from app.errors import Cancelled, EngineError

log = logging.getLogger(__name__)

OnReplyEvent = Callable[[Delta | PromptProgress], None]
OnState = Callable[[EngineState], None]
OnEvent = Callable[[Event], None]
_Request = Load | Unload | Generate | Tokenize | ListDevices


@dataclass(slots=True, eq=False)
class _Pending:
    request: _Request
    future: "Future[Any]"
    on_event: Callable[[Any], None] | None = None


class EngineClient:
    """Starts the engine's process, speaks with it, and starts it again after a crash.

    Every method may be called from any thread and returns at once. Callbacks come on the client's own
    thread: they must be quick and must not raise. A crash fails what was running with `EngineError`; the
    model comes back with the next `generate`, `tokenize` or `load`. After three crashes in a minute only
    `load` starts the process again.
    """

    def __init__(self, command: Sequence[str]) -> None:
        """`command` is `app.children.child_command("engine")`."""
        self._command = list(command)
        self._changed = threading.Condition()
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._outbox: deque[_Request | Cancel] = deque()
        self._child: EngineChild | None = None
        self._ready = False
        self._model_wanted: tuple[str, LoadSettings] | None = None
        self._model_present = False
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
        """End the process and fail what is running with `Cancelled`. Waits for the end."""
        with self._changed:
            self._closed = True
            started, child = self._started, self._child
            self._changed.notify_all()
        if child is not None:
            child.end()
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
    ) -> LoadHandle:
        """Load a GGUF file in place of the present model. `on_progress` gets 0 to 1."""
        request = Load(request_id=next(self._ids), path=path, settings=settings)
        future: Future[ModelInfo] = Future()

        def report(event: LoadProgress) -> None:
            if on_progress is not None:
                on_progress(event.fraction)

        with self._changed:
            self._model_wanted = (path, settings)
            self._model_present = False
            self._blocked = None
            self._crashes.reset()
            self._changed.notify_all()
        cancel = self._canceller(request.request_id, future)
        self._submit(_Pending(request, future, report))
        return LoadHandle(future, cancel)

    def unload(self) -> "Future[None]":
        """Free the model and its memory."""
        future: Future[None] = Future()
        with self._changed:
            self._model_wanted = None
        self._submit(_Pending(Unload(request_id=next(self._ids)), future))
        return future

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
        """Ask for one reply; the arguments are those of `messages.Generate`."""
        request = Generate(
            request_id=next(self._ids),
            parts=[Part(encodable(part.text), part.special) for part in parts],
            tokens=None if tokens is None else list(tokens),
            sampling=sampling,
            max_tokens=max_tokens,
            stop=[encodable(text) for text in stop],
            thinking=thinking,
            ignore_eog=ignore_eog,
            reuse_prefix=reuse_prefix,
        )
        future: Future[Finished] = Future()
        cancel = self._canceller(request.request_id, future)
        self._submit(_Pending(request, future, on_event))
        return Generation(future, cancel)

    def tokenize(self, parts: Sequence[Part]) -> "Future[list[int]]":
        """Token ids of a prompt, with BOS, as `generate` would evaluate it."""
        clean = [Part(encodable(part.text), part.special) for part in parts]
        future: Future[list[int]] = Future()
        self._submit(_Pending(Tokenize(request_id=next(self._ids), parts=clean), future))
        return future

    def list_devices(self, rpc_servers: Sequence[RpcServer] = ()) -> "Future[DevicesListed]":
        """The compute devices with the memory that is free now, and those of other computers."""
        future: Future[DevicesListed] = Future()
        request = ListDevices(request_id=next(self._ids), rpc_servers=tuple(rpc_servers))
        self._submit(_Pending(request, future))
        return future

    def _submit(self, pending: _Pending) -> None:
        self.start()
        with self._changed:
            refused = Cancelled() if self._closed else self._blocked
            if refused is None:
                self._restore_model(pending.request)
                self._pending[pending.request.request_id] = pending
                self._send(pending.request)
        if refused is not None:
            fail(pending.future, refused)

    def _restore_model(self, request: _Request) -> None:
        """Load the model of before a crash again, ahead of the request that needs it."""
        if (
            isinstance(request, Load | Unload | ListDevices)
            or self._model_wanted is None
            or self._model_present
        ):
            return
        if any(isinstance(pending.request, Load) for pending in self._pending.values()):
            return
        path, settings = self._model_wanted
        load = Load(request_id=next(self._ids), path=path, settings=settings)
        self._pending[load.request_id] = _Pending(load, Future())
        self._send(load)

    def _send(self, message: _Request | Cancel) -> None:
        self._outbox.append(message)
        self._flush()

    def _flush(self) -> None:
        if self._ready and self._child is not None:
            while self._outbox:
                self._child.write(self._outbox.popleft())

    def _canceller(self, request_id: int, future: "Future[Any]") -> Callable[[], None]:
        def cancel() -> None:
            with self._changed:
                pending = self._pending.get(request_id)
                if pending is None:
                    return
                self._send(Cancel(request_id=request_id))
                busy_loading = any(isinstance(other.request, Load) for other in self._pending.values())
                at_once = not self._ready or (busy_loading and not isinstance(pending.request, Load))
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
        error = self._state.error
        self._set_state(EngineState("starting", error=error))
        try:
            child = EngineChild(self._command, self._job)
        except OSError as failure:
            self._crashed(
                EngineError(
                    "The engine could not be started: {reason}.",
                    "Repair the installation, or allow the program in your security software.",
                    reason=str(failure),
                ),
                final=True,
            )
            return
        with self._changed:
            self._child = child
            closed = self._closed
        if closed:
            child.end()
        while (event := child.read()) is not None:
            self._handle(event)
        status = child.reap()
        native = child.last_words()
        with self._changed:
            if self._closed:
                return
        log.warning("the engine process ended: %s", describe_exit(status))
        self._crashed(crash_error(status, native), final=False)

    def _crashed(self, error: EngineError, *, final: bool) -> None:
        with self._changed:
            last = self._crashes.record(error, time.monotonic())
            error = last or error
            if last is not None or final:
                self._blocked = error
            self._child = None
            self._ready = False
            self._model_present = False
            # A request that comes from now on belongs to the next process.
            lost = self._take_pending()
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
        if isinstance(event, Ready):
            self._set_state(
                EngineState(
                    "ready",
                    pid=event.pid,
                    llama_cpp_version=event.llama_cpp_version,
                    system_info=event.system_info,
                    devices=event.devices,
                )
            )
            with self._changed:
                self._ready = True
                self._flush()
            return
        if isinstance(event, Delta | PromptProgress | LoadProgress):
            with self._changed:
                pending = self._pending.get(event.request_id)
            if isinstance(event, LoadProgress):
                self._set_state(
                    replace(self._state, phase="loading", load_fraction=event.fraction, model=None)
                )
            if pending is not None and pending.on_event is not None:
                pending.on_event(event)
            return
        with self._changed:
            pending = self._pending.pop(event.request_id, None)
        self._settle(event, pending)

    def _settle(
        self,
        event: Loaded | Unloaded | Finished | Tokenized | DevicesListed | Failed,
        pending: _Pending | None,
    ) -> None:
        result: Any = None
        if isinstance(event, Loaded):
            with self._changed:
                self._model_present = self._model_wanted is not None
            self._set_state(
                replace(self._state, phase="loaded", model=event.info, load_fraction=1.0, error=None)
            )
            result = event.info
        elif isinstance(event, Unloaded):
            with self._changed:
                self._model_present = False
            self._set_state(replace(self._state, phase="ready", model=None, load_fraction=0.0))
        elif isinstance(event, Finished | DevicesListed):
            result = event
        elif isinstance(event, Tokenized):
            result = event.tokens
        else:
            self._failed(event, pending)
            return
        if pending is not None:
            resolve(pending.future, result)

    def _failed(self, event: Failed, pending: _Pending | None) -> None:
        error: Exception = (
            Cancelled()
            if event.cancelled
            else EngineError(event.message, event.hint, native=event.native, **event.values)
        )
        dependants: list[_Pending] = []
        if pending is not None and isinstance(pending.request, Load):
            with self._changed:
                others = [item.request for item in self._pending.values()]
                if not any(isinstance(request, Load) for request in others):
                    self._model_wanted = None
                    # What waited for this model would only hear that there is none.
                    dependants = [
                        self._pending.pop(request.request_id)
                        for request in others
                        if isinstance(request, Generate | Tokenize)
                    ]
            shown = error if isinstance(error, EngineError) else None
            self._set_state(replace(self._state, phase="ready", model=None, load_fraction=0.0, error=shown))
        for item in ([pending] if pending is not None else []) + dependants:
            fail(item.future, error)

    def _set_state(self, state: EngineState) -> None:
        with self._changed:
            self._state = state
            observers = list(self._observers)
        for on_state in observers:
            on_state(state)
