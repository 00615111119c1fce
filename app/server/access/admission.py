"""The one place that every prompt passes on its way to the engine, and every reply's end on its way back."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from app.audit.gate import Gate
from app.engine.protocol import Finished, ModelInfo
from app.engine.protocol.reply_source import Answers
from app.filters.verdict import Hit
from app.server.access.api_error import ApiError, measured_now, overloaded
from app.server.access.server_limits import Limits
from app.server.access.stats import ServerStats

LEAST_RETRY_S, MOST_RETRY_S = 1.0, 60.0
LONGEST_NAME = 80


@dataclass(slots=True, eq=False)
class Call:
    """One admitted request: what it cost is noted here until it ends."""

    stats: ServerStats
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def finished(self, end: Finished) -> None:
        """One of its replies has ended."""
        if end.stats.completion_tokens:
            self.stats.first_token(end.stats.ttft_s)
        self.prompt_tokens = max(self.prompt_tokens, end.stats.prompt_tokens)
        self.completion_tokens += end.stats.completion_tokens


class Admission:
    """Lets requests in while there is room, puts texts through the input filter, and has all of it noted in
    the audit log. The server's thread."""

    def __init__(
        self, limits: Limits, stats: ServerStats, gate: Gate, is_reserved: Callable[[], bool]
    ) -> None:
        """`is_reserved` says that the model is being measured, which other replies would disturb."""
        self._is_reserved = is_reserved
        self._limits = limits
        self._gate = gate
        self._stats = stats
        self._running = 0

    def refusal(self, replies: int = 1) -> ApiError | None:
        """Return the error that refuses so many more replies now; None where they would be admitted."""
        if self._is_reserved():
            return measured_now()
        if self._running + replies > self._limits.requests:
            return overloaded(min(MOST_RETRY_S, max(LEAST_RETRY_S, self._stats.reply_s)))
        return None

    async def screen(self, request: Request, info: ModelInfo, texts: Sequence[str]) -> list[str]:
        """Return what people wrote, as the model may see it. Raises `BlockedError`, `FilterFileError`."""
        # Not on the server's loop: the disk and the rules may take a while, and others are served meanwhile.
        if await asyncio.to_thread(self._gate.filters.is_idle):
            return list(texts)
        screened = await asyncio.to_thread(self._gate.screen, texts, "api", info, client_name(request))
        request.state.hits = (*_hits(request), *screened.hits)
        return list(screened.texts)

    async def refuse_token_ids(self, param: str) -> None:
        """Raise `ApiError` while a rule is on: rules read text, and ids would go past them."""
        if not await asyncio.to_thread(self._gate.filters.is_idle):
            raise ApiError(
                400,
                "The input filter is on and reads text, so token ids are not taken.",
                "Send the text itself.",
                code="content_filter",
                param=param,
            )

    def noted(self, request: Request, info: ModelInfo, answers: Answers) -> Answers:
        """Return `answers`, with lines in the audit log for the request where the user keeps one."""
        return self._gate.follow(answers, "api", info, _hits(request), client_name(request))

    def noted_embedding(
        self, request: Request, info: ModelInfo, texts: Sequence[str], call: Call
    ) -> AbstractContextManager[None]:
        """While this context lasts, the texts are made vectors, with lines as for a reply."""
        return self._gate.trail.follow_embedding(
            "api", info, texts, lambda: call.prompt_tokens, _hits(request), client_name(request)
        )

    @contextmanager
    def admit(self, request: Request, replies: int = 1) -> Iterator[Call]:
        """Take the room of so many replies until the context ends. Raises `ApiError` where there is none."""
        refused = self.refusal(replies)
        if refused is not None:
            raise refused
        self._running += replies
        began_s = time.monotonic()
        call = Call(self._stats)
        address = request.client.host if request.client is not None else ""
        client = self._stats.began(client_name(request), address, replies)
        try:
            yield call
        finally:
            self._running -= replies
            self._stats.ended(
                client, replies, time.monotonic() - began_s, call.prompt_tokens, call.completion_tokens
            )


def client_name(request: Request) -> str:
    """Return a client's name for itself."""
    name = request.headers.get("user-agent", "")[:LONGEST_NAME]
    return "".join(character for character in name if character.isprintable())


def _hits(request: Request) -> tuple[Hit, ...]:
    return getattr(request.state, "hits", ())
