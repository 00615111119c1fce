"""Asks the engine and waits, so that cancelling is quick."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, Protocol

from app.engine.protocol import Delta, Finished, Generate, LoadSettings, ModelInfo, Part, ReplyEvent
from app.engine.protocol.engine_state import EngineState
from app.engine.protocol.pending_results import Generation, LoadHandle
from models.system.progress import wait_for


class QualityEngine(Protocol):
    """The part of `EngineClient` that quality runs need; every call returns at once."""

    @property
    def state(self) -> EngineState:
        """The engine's process and version."""

    def load(self, path: str, settings: LoadSettings) -> LoadHandle:
        """Load a model."""

    def unload(self, path: str = "") -> Future[None]:
        """Free the models."""

    def count_tokens(self, parts: Sequence[Part], model: str = "") -> Future[int]:
        """Count the tokens of a prompt."""

    def ask(self, request: Generate, on_event: Callable[[ReplyEvent], None] | None = None) -> Generation:
        """One reply."""


@dataclass(frozen=True, slots=True)
class Said:
    """A turn of a conversation, as a model's template gets it."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt, and where the reply to it starts (see `Generate`)."""

    parts: list[Part]
    thinking: Literal["open", "auto", "off"]


Render = Callable[[ModelInfo, Sequence[Said]], Rendered]
"""A model's chat template at work; `app.chat.prompting.prompt` has it, which this package may not import."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply; `seconds` are from the request to its end, `tokens` what was drawn where asked for."""

    thinking: str
    answer: str
    end: Finished
    seconds: float
    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()


def reply_to(
    engine: QualityEngine,
    request: Generate,
    cancel: threading.Event | None,
    on_wait: Callable[[], None] = lambda: None,
) -> Reply:
    """Ask for one reply and wait for it. Raises `Cancelled` and `EngineError`."""
    pieces: dict[str, list[str]] = {"thinking": [], "answer": []}
    tokens: list[int] = []
    logprobs: list[float] = []

    def take(event: ReplyEvent) -> None:
        if isinstance(event, Delta):
            pieces[event.channel].append(event.text)
            tokens.extend(one.drawn.token for one in event.logprobs)
            logprobs.extend(one.drawn.logprob for one in event.logprobs)

    started_s = time.monotonic()
    generation = engine.ask(request, take)
    end = wait_for(generation.future, cancel, generation.cancel, on_wait)
    return Reply(
        "".join(pieces["thinking"]).strip(),
        "".join(pieces["answer"]).strip(),
        end,
        time.monotonic() - started_s,
        tuple(tokens),
        tuple(logprobs),
    )
