"""The services that the endpoints work with."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from app.chat.prompting.prompt import ChatMessage, ChatTemplates, Prompt
from app.engine.client.client import EngineClient
from app.engine.protocol import Generate, ModelInfo, Sampling, SpeculationMode
from app.engine.protocol.message_base import THINK_OPEN
from app.engine.protocol.reply_source import Answers
from app.server.access.admission import Admission
from app.server.access.config import ServerConfig
from app.server.access.stats import ServerStats
from app.server.requests.replies import Replies
from app.server.requests.served_models import ServedModel, ServedModels
from models.catalogue.catalogue import find


@dataclass(slots=True, eq=False)
class Services:
    """The parts of a running server; its thread only."""

    client: EngineClient
    templates: ChatTemplates
    models: ServedModels
    admission: Admission
    stats: ServerStats
    config: ServerConfig
    version: str
    default_sampling: Callable[[], Sampling]
    speculation: Callable[[str], SpeculationMode]
    """How replies of the model of a file are guessed ahead."""
    stopped: bool = False
    _running: set[Replies] = field(default_factory=set)

    async def prompt(self, info: ModelInfo, messages: Sequence[ChatMessage]) -> Prompt:
        """A conversation in the words of the model's template. Raises `StillroomError`."""
        return await self.templates.of(info).render(messages)

    async def thinks(self, info: ModelInfo) -> bool:
        """Tell whether a model thinks before it answers, or can. Raises `StillroomError`."""
        prompt = await self.prompt(info, [ChatMessage("user", "x")])
        return prompt.thinking == "open" or THINK_OPEN in info.chat_template

    def sampling(self, model: ServedModel, given: dict[str, object]) -> Sampling:
        """Choose the sampling: by the client, then by the user's settings, then by the authors' advice."""
        sampling = self.default_sampling()
        advice = find(model.installed.key) if model.installed is not None and model.installed.key else None
        if sampling == Sampling() and advice is not None:
            sampling = Sampling(temperature=advice.sampling.temperature, top_p=advice.sampling.top_p)
        return msgspec.structs.replace(
            sampling, **{name: value for name, value in given.items() if value is not None}
        )

    @contextmanager
    def ask(self, requests: Sequence[Generate], answers: Answers) -> Iterator[Replies]:
        """Let `answers`, the engine, answer; what still runs at the end of the context is cancelled."""
        wanted = [
            msgspec.structs.replace(
                request, priority=self.config.priority, speculation=self.speculation(request.model)
            )
            for request in requests
        ]
        replies = Replies(answers, wanted)
        self._running.add(replies)
        try:
            yield replies
        finally:
            self._running.discard(replies)
            replies.close()

    def stop(self) -> None:
        """End all replies: the server stops."""
        self.stopped = True
        for replies in self._running:
            replies.close()
