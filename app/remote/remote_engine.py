"""A model elsewhere in the place of an engine, for what asks and waits: commands and quality suites."""

from collections.abc import Sequence
from concurrent.futures import Future

import msgspec

from app.engine.protocol import Generate, LoadSettings, ModelInfo, Part
from app.engine.protocol.engine_state import EngineState
from app.engine.protocol.pending_results import Generation, LoadHandle
from app.engine.protocol.reply_source import Answers, OnReplyEvent
from app.remote.remote_conversation import estimated_tokens


class ElsewhereInPlace:
    """Takes the calls of `EngineClient` that asking needs, for one model. Any thread; nothing is loaded."""

    def __init__(self, answers: Answers, model: ModelInfo) -> None:
        self._answers = answers
        self.model = model

    @property
    def state(self) -> EngineState:
        """Nothing of an engine: neither a process nor a version."""
        return EngineState("ready")

    def load(self, path: str, settings: LoadSettings) -> LoadHandle:
        """The model, which its server has."""
        future: Future[ModelInfo] = Future()
        future.set_result(self.model)
        return LoadHandle(future, lambda: None)

    def unload(self, path: str = "") -> "Future[None]":
        """Do nothing: remote models stay loaded."""
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def count_tokens(self, parts: Sequence[Part], model: str = "") -> "Future[int]":
        """Estimate how many tokens a prompt has; nothing is sent there for that."""
        future: Future[int] = Future()
        future.set_result(estimated_tokens(parts))
        return future

    def ask(self, request: Generate, on_event: OnReplyEvent | None = None) -> Generation:
        """One reply, without what only an engine here can do."""
        return self._answers.ask(msgspec.structs.replace(request, model=self.model.path), on_event)
