"""The engine in a thread and in a child process behind one face, for the contract suite."""

import queue
import threading
from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

from app.base.children import child_command
from app.base.parent_death import KillOnClose
from app.engine.client.engine_process import EngineChild
from app.engine.client.outbox import Outbox
from app.engine.protocol import (
    Delta,
    Event,
    Failed,
    Finished,
    Generate,
    Load,
    Loaded,
    LoadSettings,
    Message,
    ModelInfo,
    Part,
    Ready,
    Request,
    Sampling,
    Shutdown,
    Tokenize,
    Tokenized,
)
from app.engine.worker.engine_core import EngineCore
from models.catalogue.starter import starter_file
from tests.support.estimates import assert_estimated

EngineKind = Literal["thread", "child"]
E = TypeVar("E", bound=Message)

ANSWER_TIMEOUT_S = 120

GREEDY = Sampling(temperature=0.0)

STORY = [
    Part("<|im_start|>user\n", True),
    Part("Tell me a long story about a lighthouse keeper."),
    Part("<|im_end|>\n<|im_start|>assistant\n", True),
]


def starter_path() -> str:
    """The starter model, which every test of the engine runs."""
    path = starter_file()
    assert path is not None, "the `starter` extra is not installed"
    return str(path)


class Engine(Protocol):
    """Requests in, events out."""

    def post(self, request: Request) -> None:
        """Hand in a request."""

    def next_event(self) -> Event:
        """The next event."""

    def close(self) -> None:
        """End it."""


class ThreadEngine:
    """EngineCore in this process."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._core = EngineCore(self._events.put)
        self._core.start()

    def post(self, request: Request) -> None:
        self._core.post(request)

    def next_event(self) -> Event:
        return self._events.get(timeout=ANSWER_TIMEOUT_S)

    def close(self) -> None:
        self._core.post(Shutdown())
        self._core.join()


class ChildEngine:
    """EngineCore in a child process, over the pipe."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._outbox = Outbox()
        self._child = EngineChild(child_command("engine"), KillOnClose(), self._outbox)
        self._pump = threading.Thread(target=self._run)
        self._pump.start()

    def post(self, request: Request) -> None:
        self._outbox.put(request)

    def next_event(self) -> Event:
        return self._events.get(timeout=ANSWER_TIMEOUT_S)

    def close(self) -> None:
        self._outbox.put(Shutdown())
        self._pump.join()
        assert self._child.reap(patience_s=10.0) == 0

    def _run(self) -> None:
        while (event := self._child.read()) is not None:
            self._events.put(event)


class Session:
    """Questions and answers with an engine; request ids are counted here."""

    def __init__(self, kind: EngineKind, engine: Engine | None = None) -> None:
        self.engine: Engine = engine or (ThreadEngine() if kind == "thread" else ChildEngine())
        self.ready = self.wait_for(Ready)
        self._last_id = 0

    def new_id(self) -> int:
        """A fresh request id."""
        self._last_id += 1
        return self._last_id

    def wait_for(self, kind: type[E], on_other: Callable[[Event], None] | None = None) -> E:
        """The next event of a kind; `on_other` sees those before it."""
        while True:
            event = self.engine.next_event()
            if isinstance(event, kind):
                return event
            if on_other is not None:
                on_other(event)

    def load(self, path: str, settings: LoadSettings, states_path: str = "") -> ModelInfo | Failed:
        """Load and wait; chats' states are kept in `states_path`."""
        self.engine.post(
            Load(
                request_id=self.new_id(),
                path=path,
                settings=settings,
                states_path=states_path,
                states_limit_bytes=1 << 30,
            )
        )
        while True:
            event = self.engine.next_event()
            if isinstance(event, Loaded):
                assert_estimated(event.info)
                return event.info
            if isinstance(event, Failed):
                return event

    def tokens_of(self, text: str) -> list[int]:
        """The tokens of a text with control tokens."""
        self.engine.post(Tokenize(request_id=self.new_id(), parts=[Part(text, True)]))
        return self.wait_for(Tokenized).tokens

    def generate(self, request: Generate) -> tuple[list[Delta], Finished | Failed]:
        """Generate and wait; the deltas and the end."""
        self.engine.post(request)
        deltas = []
        while True:
            event = self.engine.next_event()
            if isinstance(event, Delta):
                deltas.append(event)
            elif isinstance(event, Finished | Failed):
                assert event.request_id == request.request_id
                return deltas, event


def text_of(deltas: list[Delta]) -> str:
    """All text, thinking and answer."""
    return "".join(delta.text for delta in deltas)
