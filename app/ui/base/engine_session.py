"""The engine as the window sees it: what is loaded, what is happening, on the GUI thread."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, Signal

from app.audit.entries import Source
from app.audit.gate import Gate
from app.base.errors import Cancelled
from app.chat.prompting.prompt import ChatTemplates
from app.engine.client.client import EngineClient
from app.engine.protocol import (
    Device,
    DevicesListed,
    Finished,
    Generate,
    LoadNotice,
    LoadSettings,
    ModelInfo,
    Part,
    Planned,
    Ready,
    ReplyEvent,
    RpcServer,
)
from app.engine.protocol.engine_state import EngineState
from app.engine.protocol.pending_results import Generation, LoadHandle
from app.engine.protocol.reply_source import Answers
from app.filters.screen import Screened, screen
from app.filters.verdict import Hit
from app.remote.remote_conversation import estimated_tokens
from app.remote.remote_replies import ElsewhereAnswers
from app.remote.remote_server import is_elsewhere
from app.ui.base.bridge import Bridge

OnReplyEvent = Callable[[ReplyEvent], None]

QUIET_S = 0.02
"""Between two looks whether a check has ended."""


class Reply:
    """A reply that is being generated; GUI thread."""

    def __init__(self, generation: Generation, bridge: Bridge) -> None:
        """`bridge` is the one that the reply's events come over."""
        self._generation = generation
        self._bridge = bridge

    def cancel(self) -> None:
        """Stop within one step; `finished` then gives the reason "cancelled", or raises `Cancelled` where the
        engine had not begun."""
        self._generation.cancel()

    def answer_now(self) -> None:
        """End the thinking, so that the answer follows."""
        self._generation.answer_now()

    async def finished(self) -> Finished:
        """Wait for the end; all events have come then. Raises `EngineError` when the engine failed, and
        `Cancelled`."""
        try:
            return await asyncio.wrap_future(self._generation.future)
        finally:
            # The last events were posted before the end was told, and would wait for their batch.
            self._bridge.drain()


class _Load:
    """A load that is on its way to the client, or with it; GUI thread."""

    def __init__(self, settings: LoadSettings) -> None:
        self.settings = settings
        self._handle: LoadHandle | None = None
        self._cancelled = False

    @property
    def future(self) -> "Future[ModelInfo]":
        """Its end, once it has begun."""
        assert self._handle is not None
        return self._handle.future

    def begun(self, handle: LoadHandle) -> None:
        """Take the client's handle of the load."""
        self._handle = handle
        if self._cancelled:
            handle.cancel()

    @property
    def cancelled(self) -> bool:
        """Tell whether it was stopped."""
        return self._cancelled

    def cancel(self) -> None:
        """Stop it, now or as soon as the client has it."""
        self._cancelled = True
        if self._handle is not None:
            self._handle.cancel()


def model_name(info: ModelInfo) -> str:
    """The name by which chats remember a model."""
    return " · ".join(part for part in (info.name, info.quantisation) if part)


class EngineSession(QObject):
    """Loads, unloads and generates through the one `EngineClient`, and says what changes.

    Everything here is for the GUI thread. `reserved_for` names the job (the benchmark) that keeps replies
    away meanwhile.
    """

    loading = Signal(str, float)
    """Path of the file and the fraction of it that is read, 0 to 1."""
    loaded = Signal(object)
    """`ModelInfo` of the model that is now ready."""
    models_changed = Signal()
    """Another model than the current one has come or gone, or is on its way."""
    unloaded = Signal()
    rested = Signal(object)
    """`ModelInfo` of the model whose memory was given back for want of use; `info` stays, because the next
    request loads it again by itself."""
    load_failed = Signal(object)
    """The `EngineError` or `Cancelled` that ended a load."""
    engine_ready = Signal(object)
    """`Ready` of a fresh engine process, with its devices."""
    engine_died = Signal(object)
    """The `EngineError` that says why the process ended; it comes back with the next request."""
    remote_changed = Signal()
    """Other computers' devices were asked for: `remote` has changed."""
    reservation_changed = Signal(str)
    model_expected = Signal(bool)
    """`expects_model` has changed."""
    work_told = Signal(str)

    def __init__(
        self,
        client: EngineClient,
        bridge: Bridge,
        templates: ChatTemplates,
        parent: QObject | None = None,
        gate: Gate | None = None,
        elsewhere: ElsewhereAnswers | None = None,
    ) -> None:
        """Without a `gate` nothing is filtered and nothing is noted; `elsewhere` answers for the models that
        are not on this computer."""
        super().__init__(parent)
        self._bridge = bridge
        self._gate = gate
        self._elsewhere = elsewhere
        self._load: _Load | None = None
        self._choices = 0
        self._state = EngineState("stopped")
        self.client = client
        self.templates = templates
        self.info: ModelInfo | None = None
        self.ready: Ready | None = None
        self.remote: list[Device] = []
        self.loading_path = ""
        self.reserved_for = ""
        self.own_check: threading.Event | None = None
        """Ends the check that Stillroom makes by itself. Unless it is set, nothing else is written."""
        self.is_quieting = False
        """Something was asked for that begins once such a check has ended: no other check begins before."""
        self.expects_model = False
        """The window will load a model by itself in a moment: it has just begun, or has measured."""
        self.returning: ModelInfo | None = None
        """The model of before a load that failed: it had made room for that, and is being loaded again."""
        self.work_text = ""
        self._names: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._known: dict[str, ModelInfo] = {}
        client.observe(bridge.wrap(self._on_state))

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The models in memory; the current one is `info`."""
        return tuple(self._named(info) for info in self._state.models)

    def choose(self) -> Callable[[], bool]:
        """Take note that the user has just asked for a model, which may take a while to be found or read; the
        result tells whether he has asked for none since."""
        self._choices += 1
        return self.follow_choices()

    def follow_choices(self) -> Callable[[], bool]:
        """The result tells whether the user has asked for no model since."""
        number = self._choices
        return lambda: number == self._choices

    def use(self, path: str) -> bool:
        """Make a model that was loaded before the current one, without waiting; False for one that was not,
        or was unloaded by the user.

        One that had to make room meanwhile comes back with the next request.
        """
        known = self._known.get(path)
        if known is not None and is_elsewhere(path):
            self.use_elsewhere(known)
            return True
        if known is None or self.loading_path or self._state.phase not in ("loaded", "ready"):
            return False
        self.client.use(path)
        if self.info is None or self.info.path != path:
            # The state follows by the bridge, and says nothing of a model that is not in memory.
            self.info = known
            self.loaded.emit(known)
        return True

    def use_elsewhere(self, info: ModelInfo) -> None:
        """Let a model of a server elsewhere answer from now on; what is loaded here stays in memory."""
        self.choose()
        if self.loading_path:
            self.cancel_load()
            # Its end is for nobody.
            self._load, self.loading_path = None, ""
        if self._elsewhere is not None:
            self._elsewhere.chosen(info)
        self.info = self._known[info.path] = info
        self.loaded.emit(info)

    @property
    def here(self) -> ModelInfo | None:
        """The current model, where it is one of this computer."""
        return None if self.answers_elsewhere else self.info

    @property
    def answers_elsewhere(self) -> bool:
        """The current model is not on this computer."""
        return self.info is not None and is_elsewhere(self.info.path)

    @property
    def known_models(self) -> list[tuple[str, str]]:
        """Path and name of each model that `use` can take, by name."""
        models = ((path, model_name(info)) for path, info in self._known.items())
        return sorted(models, key=lambda model: model[1].casefold())

    def known(self, name: str) -> str:
        """Path of the model that a chat remembers as `name`, if `use` can take it; empty if not."""
        return next((info.path for info in self._known.values() if model_name(info) == name), "")

    def title(self, path: str) -> str:
        """Name the model of a file that may not be loaded yet, as chats will remember it; by its file where
        nobody said its name so far."""
        known = self._known.get(path)
        if known is not None:
            return model_name(known)
        return self._titles.get(path, f"{Path(path).parent.name} · {Path(path).stem}")

    async def load(self, path: Path, settings: LoadSettings, name: str = "", title: str = "") -> ModelInfo:
        """Load a model, beside the present ones where it fits; it is the current one then. `name` is shown in
        place of the one in the file, `title` while it is loaded for the first time. Where it fails, the model
        of before comes back, also one that had to make room for it (`returning`).

        Raises `EngineError` with the reason, or `Cancelled`; `load_failed` tells the rest of the window.
        """
        if self.loading_path and self.loading_path != str(path):
            self.cancel_load()
        self.loading_path = str(path)
        before, self.info, self.returning = self.here, None, None
        self.expect_model(False)
        if name:
            self._names[str(path)] = name
        if title:
            self._titles[str(path)] = title
        self.loading.emit(str(path), 0.0)
        self.templates.start()
        load = self._load = _Load(settings)
        try:
            # What is known of the file is read first, and the disk may be a slow one. A load that was asked
            # for since must not be followed by this one.
            begin = await asyncio.to_thread(self.client.prepare_load, str(path), settings)
            if load.cancelled:
                raise Cancelled
            load.begun(begin())
            info = await asyncio.wrap_future(load.future)
            await self._caught_up()
            return self._named(info)
        except BaseException as error:
            if self._load is load:
                self.loading_path = ""
                self._bring_back(before, str(path))
                self.load_failed.emit(error)
            raise

    def _bring_back(self, before: ModelInfo | None, failed_path: str) -> None:
        """Load the model of before again, where it made room for a load that has failed. After a crash the
        one that failed is still to come."""
        client = self.client
        if before is not None and not client.is_wanted(failed_path) and client.bring_back(before.path):
            self.returning = before

    async def _caught_up(self) -> None:
        """Wait until what the engine has told so far is known here: it comes with the next frame."""
        seen = asyncio.Event()
        self._bridge.post(seen.set)
        await seen.wait()

    def is_coming(self, path: str, settings: LoadSettings) -> bool:
        """Tell whether a file is being loaded with these settings, and nobody has stopped that."""
        load = self._load
        return (
            load is not None
            and self.loading_path == path
            and load.settings == settings
            and not load.cancelled
        )

    def cancel_load(self) -> None:
        """Stop the load that runs; its own answer ends it."""
        if self._load is not None:
            self._load.cancel()

    async def unload(self, path: str = "") -> None:
        """Free the model of a file, or all of them, and their memory."""
        if path:
            self._forget(path)
        else:
            for known in tuple(self._known):
                self._forget(known)
        await asyncio.wrap_future(self.client.unload(path))
        await self._caught_up()

    async def let_go(self, path: str) -> None:
        """Let the model of a file that is about to go neither be in memory nor come there: a load of it is
        stopped, and one that rests stays away."""
        if self.loading_path == path:
            self.cancel_load()
        elif not self.client.is_wanted(path) and all(info.path != path for info in self.models):
            return
        await self.unload(path)

    def _forget(self, path: str) -> None:
        """Let `use` no longer take a model; its name is known all the same."""
        info = self._known.pop(path, None)
        if info is not None:
            self._titles[path] = model_name(info)

    async def plan(self, path: str, settings: LoadSettings) -> Planned:
        """Plan a load of a file, without loading it. Raises `EngineError`."""
        return await asyncio.wrap_future(await asyncio.to_thread(self.client.plan, path, settings))

    @property
    def is_loading(self) -> bool:
        """Tell whether a model is being loaded, also by a measurement."""
        return bool(self.coming_path)

    @property
    def coming_path(self) -> str:
        """The file that is being loaded, also by a measurement or a program; empty where none is."""
        return self.loading_path or (self._state.loading_path if self._state.phase == "loading" else "")

    @property
    def load_notice(self) -> LoadNotice | None:
        """The notice about the load that is running, if there is one."""
        return self._state.load_notice

    @property
    def load_waits(self) -> bool:
        """Tell whether the load waits for the end of a reply of another model, whose memory it needs."""
        return self._state.load_waits

    async def screen(
        self, texts: Sequence[str], source: Source, model: ModelInfo | None, *, noted: bool = True
    ) -> Screened:
        """Pass `texts` through the input filter; a refusal is `noted` in the audit log.

        Raises `BlockedError` and `FilterFileError`.
        """
        if self._gate is None or not texts:
            return Screened(tuple(texts))
        if not noted:
            return await asyncio.to_thread(screen, self._gate.filters, texts)
        return await asyncio.to_thread(self._gate.screen, texts, source, model)

    def answers(self, source: Source, model: ModelInfo | None, hits: Sequence[Hit] = ()) -> Answers:
        """Return what generates for `model`, followed by the audit log; `hits` is what `screen` found."""
        answers = self.unnoted_answers(model)
        return answers if self._gate is None else self._gate.follow(answers, source, model, hits)

    def unnoted_answers(self, model: ModelInfo | None) -> Answers:
        """Return what generates for `model`, without the audit log: for measurements."""
        if self._elsewhere is not None and model is not None and is_elsewhere(model.path):
            return self._elsewhere
        return self.client

    def generate(
        self, request: Generate, on_event: OnReplyEvent, source: Source = "code", hits: Sequence[Hit] = ()
    ) -> Reply:
        """Start a reply of the current model; `on_event` runs on the GUI thread, about 45 times a second at
        most."""
        if self.info is not None and is_elsewhere(self.info.path):
            request = msgspec.structs.replace(request, model=self.info.path)
        generation = self.answers(source, self.info, hits).ask(request, self._bridge.wrap(on_event))
        return Reply(generation, self._bridge)

    async def count_tokens(self, parts: list[Part], model: str = "") -> int:
        """Count the tokens of a prompt, BOS included, by the model of a file or the current one; for one
        elsewhere it is an estimate, as nothing is sent there for that."""
        if is_elsewhere(model or (self.info.path if self.info is not None else "")):
            return estimated_tokens(parts)
        return await asyncio.wrap_future(self.client.count_tokens(parts, model))

    async def embed(self, text: str, model: str) -> bytes:
        """A text as a vector of the model of a file (see `Embedded`). Raises `EngineError`."""
        embedded = await asyncio.wrap_future(self.client.embed([Part(text)], model=model))
        return embedded.vector

    @property
    def embedding_model(self) -> str:
        """The file of a model in memory that makes vectors; empty where there is none."""
        return next((info.path for info in self._state.models if info.pooling), "")

    async def list_devices(self, servers: Sequence[RpcServer]) -> DevicesListed:
        """The devices of this computer and of `servers`, with what is free now; `remote` keeps the latter."""
        listed: DevicesListed = await asyncio.wrap_future(self.client.list_devices(servers))
        self.remote = [device for device in listed.devices if device.backend == "RPC"]
        self.remote_changed.emit()
        return listed

    def reserve(self, job: str) -> None:
        """Keep the engine for `job`, or give it back with an empty name."""
        self.reserved_for = job
        self.work_text = ""
        self.reservation_changed.emit(job)

    def make_quiet(self, again: Callable[[], None]) -> bool:
        """End the check that Stillroom makes by itself, and call `again` once that is done; False where
        somebody waits for the reply that is being written."""
        if self.is_quieting:
            return True
        if self.own_check is None or self.own_check.is_set():
            return False
        self.own_check.set()
        self.is_quieting = True
        self._bridge.start(self._when_quiet(again))
        return True

    async def _when_quiet(self, again: Callable[[], None]) -> None:
        # It ends with the token that is being computed.
        try:
            while self.own_check is not None:
                await asyncio.sleep(QUIET_S)
        finally:
            self.is_quieting = False
        again()

    def expect_model(self, expected: bool) -> None:
        """Say that a model will be loaded in a moment, or that none will by itself."""
        if expected != self.expects_model:
            self.expects_model = expected
            self.model_expected.emit(expected)

    def tell_work(self, text: str) -> None:
        """Say what the job that has the engine does now, in the window's language."""
        self.work_text = text
        self.work_told.emit(text)

    def _on_state(self, state: EngineState) -> None:
        before, self._state = self._state, state
        if self.ready is not None and state.pid == before.pid and state.devices != before.devices:
            # A card that slept was woken.
            self.ready = msgspec.structs.replace(self.ready, devices=state.devices)
            self.remote_changed.emit()
        if self.answers_elsewhere and not self.loading_path:
            self._follow_beside(before, state)
            return
        if state.phase == "loading":
            self.info = None
            self.loading.emit(self.loading_path or state.loading_path, state.load_fraction)
            if state.models != before.models:
                # It is being loaded anew, or others make room for it.
                self.models_changed.emit()
            return
        if state.phase == "loaded" and state.model is not None:
            if state.model.path == self.loading_path:
                # Else the one of before is back, as the load has failed: that ends with its own answer.
                self.loading_path = ""
            if state.model is not before.model or self.info is None:
                self.info = self._known[state.model.path] = self._named(state.model)
                self.loaded.emit(self.info)
            if state.models != before.models:
                self.models_changed.emit()
            return
        if state.pid is not None and state.pid != before.pid:
            self._on_ready(state)
        if state.phase == "dead":
            self.info = None
            self.engine_died.emit(state.error)
        elif state.resting is not None and self.info is not None:
            if before.resting is None:
                self.rested.emit(self.info)
        elif state.phase == "ready" and (before.phase == "loaded" or self._others_load_failed(before)):
            self.info = None
            self.unloaded.emit()

    def _others_load_failed(self, before: EngineState) -> bool:
        """Tell whether a load has ended without a model that a measurement or a program has asked for."""
        return before.phase == "loading" and not self.loading_path

    def _follow_beside(self, before: EngineState, state: EngineState) -> None:
        """Follow the engine while a model elsewhere is the current one, and leave that one as it is."""
        if state.pid is not None and state.pid != before.pid:
            self._on_ready(state)
        for info in state.models:
            self._known.setdefault(info.path, self._named(info))
        if (state.models, state.loading_path) != (before.models, before.loading_path):
            self.models_changed.emit()

    def _on_ready(self, state: EngineState) -> None:
        self.ready = Ready(
            llama_cpp_version=state.llama_cpp_version,
            system_info=state.system_info,
            devices=state.devices,
            pid=state.pid or 0,
            architectures=state.architectures,
        )
        self.engine_ready.emit(self.ready)

    def _named(self, info: ModelInfo) -> ModelInfo:
        return msgspec.structs.replace(info, name=self._names.get(info.path, info.name))
