"""The engine for the rest of the program."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Literal

import msgspec

from app.engine.client.connection import EngineConnection, OnEvent, OnState
from app.engine.kv_states.saved_states import StatesPlace, delete_states
from app.engine.planning.load_history import LoadMemory, Recalled
from app.engine.protocol import (
    AnswerNow,
    DevicesListed,
    DropStates,
    Embed,
    Embedded,
    Finished,
    Generate,
    ListDevices,
    LoadProgress,
    LoadSettings,
    Lora,
    Measure,
    Measured,
    ModelInfo,
    Part,
    PlanLoad,
    Planned,
    Prepare,
    ReadCards,
    ReplyEvent,
    RpcServer,
    Sampling,
    Tokenize,
)
from app.engine.protocol.engine_state import EngineState
from app.engine.protocol.frames import encodable
from app.engine.protocol.pending_results import Generation, LoadHandle
from models.system.file_stamp import mark

__all__ = ["EngineClient", "OnEvent", "OnReplyEvent", "OnState"]

OnReplyEvent = Callable[[ReplyEvent], None]


class EngineClient:
    """Starts the engine's process, speaks with it, and starts it again after a crash.

    Every method may be called from any thread and returns at once. Callbacks come one after the other on
    threads of its own: they must be quick and must not raise. A crash fails what was running with
    `EngineError`; a model comes back with the next request that needs it, and with less memory if that was
    the reason. After three crashes in a minute only `load` starts the process again.
    """

    def __init__(
        self, command: Sequence[str], memory: LoadMemory | None = None, states: StatesPlace | None = None
    ) -> None:
        """Start nothing yet. `command` is `child_command("engine")`; `memory` fills the automatic load
        settings, and learns where memory was short; `states` is where chats' states are kept."""
        self._memory = memory
        self._states = states
        self._connection = connection = EngineConnection(command, memory, states)
        self.start = connection.start
        self.close = connection.close
        self.observe = connection.observe
        self.observe_events = connection.observe_events
        self.observe_asked = connection.observe_asked
        self.use = connection.use
        self.bring_back = connection.bring_back
        self.rest = connection.rest

    @property
    def state(self) -> EngineState:
        """The present state."""
        return self._connection.state

    @property
    def is_replying(self) -> bool:
        """A reply is asked for, by whomever, and has not ended; it need not have begun."""
        return self._connection.is_replying

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
        had never been before. Waits for the disk."""
        return self.prepare_load(path, settings, on_progress, remember=remember)()

    def prepare_load(
        self,
        path: str,
        settings: LoadSettings,
        on_progress: Callable[[float], None] | None = None,
        *,
        remember: bool = True,
    ) -> Callable[[], LoadHandle]:
        """Read what is known of a file, which waits for the disk; what is returned begins the `load`, and
        waits for nothing."""
        memory = self._memory if remember else None
        recalled = Recalled(settings) if memory is None else memory.recall(path, settings)
        marked = mark(path)
        future: Future[ModelInfo] = Future()

        def report(event: LoadProgress) -> None:
            if on_progress is not None:
                on_progress(event.fraction)

        def begin() -> LoadHandle:
            return LoadHandle(future, self._connection.load(path, settings, recalled, marked, future, report))

        return begin

    @property
    def current_path(self) -> str:
        """The file of the model that requests without a name are for; empty where there is none."""
        return self._connection.wanted("")

    def is_wanted(self, path: str) -> bool:
        """Tell whether a model was loaded and not unloaded by the user: it is in memory, or comes back with
        the next request that names it."""
        return bool(self._connection.wanted(path))

    def unload(self, path: str = "") -> "Future[None]":
        """Free the model of the file `path`, or all of them, and their memory."""
        future: Future[None] = Future()
        self._connection.unload(path, future)
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
        partial = request.partial
        if partial is not None:
            partial = msgspec.structs.replace(
                partial, thinking=encodable(partial.thinking), answer=encodable(partial.answer)
            )
        request = msgspec.structs.replace(
            request,
            request_id=self._connection.next_id(),
            partial=partial,
            parts=[Part(encodable(part.text), part.special) for part in request.parts],
            stop=[encodable(text) for text in request.stop],
            grammar=encodable(request.grammar),
            json_schema=encodable(request.json_schema),
        )
        future: Future[Finished] = Future()
        cancel = self._connection.submit(request, future, on_event)

        def answer_now() -> None:
            if self._connection.is_open(request.request_id):
                self._connection.tell(AnswerNow(request_id=request.request_id))

        return Generation(future, cancel, answer_now)

    def tokenize(self, parts: Sequence[Part], model: str = "") -> "Future[list[int]]":
        """Return the token ids of a prompt, with BOS, as `generate` would evaluate it."""
        clean = [Part(encodable(part.text), part.special) for part in parts]
        future: Future[list[int]] = Future()
        self._connection.submit(
            Tokenize(request_id=self._connection.next_id(), parts=clean, model=model), future
        )
        return future

    def count_tokens(self, parts: Sequence[Part], model: str = "") -> "Future[int]":
        """Count the tokens that `tokenize` would give, without transferring them."""
        clean = [Part(encodable(part.text), part.special) for part in parts]
        future: Future[int] = Future()
        request = Tokenize(request_id=self._connection.next_id(), parts=clean, model=model, only_count=True)
        self._connection.submit(request, future)
        return future

    def embed(
        self, parts: Sequence[Part] = (), *, tokens: Sequence[int] = (), model: str = ""
    ) -> "Future[Embedded]":
        """Compute the vector of a text, or of the tokens of one."""
        clean = [Part(encodable(part.text), part.special) for part in parts]
        future: Future[Embedded] = Future()
        request = Embed(request_id=self._connection.next_id(), parts=clean, tokens=list(tokens), model=model)
        self._connection.submit(request, future)
        return future

    def prepare(
        self, parts: Sequence[Part], chat_key: str, model: str = "", loras: tuple[Lora, ...] = ()
    ) -> None:
        """Let a model, if it is there, evaluate ahead what a chat's next prompt begins with."""
        path = self._connection.wanted(model)
        if path and self._connection.has_in_memory(path):
            clean = [Part(encodable(part.text), part.special) for part in parts]
            self._connection.tell(Prepare(parts=clean, chat_key=chat_key, model=path, loras=loras))

    def drop_states(self, chat_keys: Sequence[str]) -> None:
        """Delete what was evaluated for these chats, in the engine and on the disk."""
        # What it is writing just now comes after the deletion here, and before the one there.
        self._connection.tell(DropStates(chat_keys=list(chat_keys)))
        if self._states is not None:
            delete_states(self._states.folder, chat_keys)

    def list_devices(self, rpc_servers: Sequence[RpcServer] = ()) -> "Future[DevicesListed]":
        """List the compute devices with the memory that is free now, and those of other computers."""
        future: Future[DevicesListed] = Future()
        request = ListDevices(request_id=self._connection.next_id(), rpc_servers=tuple(rpc_servers))
        self._connection.submit(request, future)
        return future

    def read_cards(self) -> None:
        """Have the memory of the graphics cards read, between two steps; `CardsRead` comes to those who
        observe the events. It is no use of a model, and no process is started for it."""
        self._connection.tell(ReadCards())

    def plan(self, path: str, settings: LoadSettings) -> "Future[Planned]":
        """Plan a `load` without loading."""
        future: Future[Planned] = Future()
        if self._memory is not None:
            settings = self._memory.recall(path, settings).settings
        request = PlanLoad(request_id=self._connection.next_id(), path=path, settings=settings)
        self._connection.submit(request, future)
        return future

    def measure(
        self,
        settings: LoadSettings,
        *,
        prompt_tokens: int = 0,
        decode_tokens: int = 0,
        depth_tokens: int = 0,
        most_s: float = math.inf,
        in_place: bool = False,
    ) -> tuple["Future[Measured]", Callable[[], None]]:
        """Time the current model; the second value cancels that. `Measure` says more."""
        request = Measure(
            request_id=self._connection.next_id(),
            settings=settings,
            prompt_tokens=prompt_tokens,
            decode_tokens=decode_tokens,
            depth_tokens=depth_tokens,
            most_s=most_s,
            in_place=in_place,
        )
        future: Future[Measured] = Future()
        return future, self._connection.submit(request, future)
