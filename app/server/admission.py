"""The one place that every prompt passes on its way to the engine, and every reply's end on its way back."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from app.engine.messages import Finished
from app.filters.filter_file import FilterFile
from app.filters.screen import screen
from app.server.api_error import overloaded
from app.server.config import Limits
from app.server.stats import ServerStats

LEAST_RETRY_S, MOST_RETRY_S = 1.0, 60.0


@dataclass(slots=True, eq=False)
class Call:
    """One admitted request: what it cost is noted here until it ends."""

    path: str
    replies: int
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def finished(self, end: Finished) -> None:
        """One of its replies has ended."""
        self.prompt_tokens = max(self.prompt_tokens, end.stats.prompt_tokens)
        self.completion_tokens += end.stats.completion_tokens


class Admission:
    """Lets requests in while there is room, and texts through the input filter. The server's thread."""

    def __init__(self, limits: Limits, stats: ServerStats, filters: FilterFile) -> None:
        self._limits = limits
        self._filters = filters
        self._stats = stats
        self._running = 0

    async def screen(self, texts: Sequence[str]) -> list[str]:
        """What people wrote, as the model may see it. Raises `BlockedError`, `FilterFileError`."""
        if self._filters.is_idle():
            return list(texts)
        # The rules may take a while, and others are served meanwhile.
        return list((await asyncio.to_thread(screen, self._filters, texts)).texts)

    @contextmanager
    def admit(self, request: Request, replies: int = 1) -> Iterator[Call]:
        """Take the room of so many replies until the context ends. Raises `ApiError` where there is none."""
        if self._running + replies > self._limits.requests:
            typical_s = self._stats.view().reply_s
            raise overloaded(min(MOST_RETRY_S, max(LEAST_RETRY_S, typical_s)))
        self._running += replies
        call = Call(request.url.path, replies)
        address = request.client.host if request.client is not None else ""
        client = self._stats.began(request.headers.get("user-agent", ""), address, replies)
        try:
            yield call
        finally:
            self._running -= replies
            self._stats.ended(client, replies, call.prompt_tokens, call.completion_tokens)
