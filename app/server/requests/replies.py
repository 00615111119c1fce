"""Replies of the engine on the server's loop, which end when nobody waits for them any more."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.engine.protocol import Delta, Finished, Generate, ReplyEvent
from app.engine.protocol.pending_results import Generation
from app.engine.protocol.reply_source import Answers

T = TypeVar("T")

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for an answer that nobody waits for."""


class Replies:
    """One reply for each of `requests`, side by side. Close it, and those that still run are cancelled."""

    def __init__(self, answers: Answers, requests: Sequence[Generate]) -> None:
        self._answers = answers
        self._requests = requests
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[tuple[int, Delta | Future[Finished]]] = asyncio.Queue()
        self._generations = [self._ask(index, request) for index, request in enumerate(requests)]

    async def events(self) -> AsyncIterator[tuple[int, Delta | Finished]]:
        """Yield each event, with the index of its request, until all have ended. Raises `StillroomError`."""
        left = len(self._requests)
        while left:
            index, event = await self._events.get()
            if isinstance(event, Delta):
                yield index, event
            else:
                left -= 1
                yield index, event.result()

    def close(self) -> None:
        """Free the engine of what still runs."""
        for generation in self._generations:
            generation.cancel()

    def _ask(self, index: int, request: Generate) -> Generation:
        def on_event(event: ReplyEvent) -> None:
            if isinstance(event, Delta):
                self._post(index, event)

        generation = self._answers.ask(request, on_event)
        generation.future.add_done_callback(lambda future: self._post(index, future))
        return generation

    def _post(self, index: int, event: "Delta | Future[Finished]") -> None:
        # The loop may have ended with the server.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._events.put_nowait, (index, event))


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client leaves. Raises `ClientGone` then."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        await _end(working, leaving)


class StreamedReply(Response):
    """An answer piece by piece. It ends when the client leaves, or takes longer than `send_s` for a piece."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], media_type: str, send_s: float) -> None:
        super().__init__(
            media_type=media_type, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        )
        del self.headers["content-length"]
        self._pieces = pieces
        self._send_s = send_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        sending = asyncio.ensure_future(self._send_all(send))
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            await _end(sending, leaving)
            await self._pieces.aclose()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self._pieces:
            await self._in_time(send({"type": "http.response.body", "body": piece, "more_body": True}))
        await self._in_time(send({"type": "http.response.body", "body": b"", "more_body": False}))

    async def _in_time(self, sending: Awaitable[None]) -> None:
        async with asyncio.timeout(self._send_s):
            await sending


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
