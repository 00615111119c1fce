"""Asks servers elsewhere for replies, on a thread of its own."""

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from app.base.errors import Cancelled, EngineError
from app.base.threads import start_thread
from app.engine.protocol import Event, Failed, Finished, Generate, Loaded, ModelInfo, Notice, ReplyEvent
from app.engine.protocol.pending_results import Generation, fail, resolve
from app.engine.protocol.reply_source import OnReplyEvent
from app.remote.remote_server import ElsewhereError, ElsewhereServer

if TYPE_CHECKING:
    # httpx takes longer to load than the window may take to open.
    from app.remote.http_clients import Connections

log = logging.getLogger(__name__)

STREAMS_S = 1.0
"""Longest time that streams have to be closed at the end, and"""
ENDING_S = 5.0
"""that all of it has."""


class ElsewhereAnswers:
    """Replies of remote models, as one source of answers beside the engine. Any thread.

    `servers` gives those that there are now, `key_of` a server's key; both are called on other threads.
    `watch` is called for all replies, and for another model with `chosen`, as the engine's observers do.
    Times are measured on this side: the first token's holds the way there and back.
    """

    def __init__(
        self,
        servers: Callable[[], Sequence[ElsewhereServer]],
        key_of: Callable[[str], str],
        watch: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self._servers = servers
        self._key_of = key_of
        self._watch = watch
        # Apart from the engine's, which count upwards.
        self._ids = itertools.count(-1, -1)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: threading.Event | None = None
        self._connections: Connections | None = None
        self._tasks: set[asyncio.Task[Finished]] = set()
        self._closed = False

    def chosen(self, info: ModelInfo) -> None:
        """The user has chosen a model."""
        self._watch(Loaded(request_id=next(self._ids), info=info))

    def ask(self, request: Generate, on_event: OnReplyEvent | None = None) -> Generation:
        """As `Answers.ask`; `request.model` is the path of a model elsewhere."""
        from app.remote.http_clients import Connections
        from app.remote.remote_reply import ElsewhereReply

        with self._lock:
            connections = self._connections = self._connections or Connections()
        future: Future[Finished] = Future()
        began_s = time.monotonic()
        request = msgspec.structs.replace(request, request_id=next(self._ids))

        def tell(event: ReplyEvent) -> None:
            self._watch(event)
            if on_event is not None:
                on_event(event)

        def ended(done: Future[Finished]) -> None:
            if done.cancelled() or done.exception() is not None:
                self._watch(Failed(request_id=request.request_id, message=""))
            else:
                self._watch(done.result())

        future.add_done_callback(ended)
        reply = ElsewhereReply(request, tell, began_s, self._servers, self._key_of, connections)
        self._run(reply.run(), future)

        def answer_now() -> None:
            tell(
                Notice(
                    request_id=request.request_id,
                    message="A model elsewhere cannot be told to answer now; stop the reply instead.",
                )
            )

        return Generation(future, reply.cancel, answer_now)

    def close(self) -> None:
        """Cancel what runs, and end the thread."""
        with self._lock:
            self._closed = True
            loop, ended = self._loop, self._ended
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(loop.stop)
        if ended is not None:
            ended.wait(ENDING_S)

    def _run(self, work: Coroutine[Any, Any, Finished], future: "Future[Finished]") -> None:
        with self._lock:
            if self._closed:
                work.close()
                fail(future, Cancelled())
                return
            if self._loop is None:
                assert self._connections is not None
                self._loop = asyncio.new_event_loop()
                live = partial(_live, self._loop, self._connections, self._tasks)
                self._ended = start_thread(live, "elsewhere")
            # Within the lock, so that it is before the end of the loop.
            self._loop.call_soon_threadsafe(self._begin, work, future)

    def _begin(self, work: Coroutine[Any, Any, Finished], future: "Future[Finished]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda done: _settle(done, future))


def _live(
    loop: asyncio.AbstractEventLoop,
    connections: "Connections",
    tasks: "set[asyncio.Task[Finished]]",
) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_end(list(tasks), connections))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _end(replies: "list[asyncio.Task[Finished]]", connections: "Connections") -> None:
    # Only these: what a connection has begun beside is ended by the reply that waits for it.
    for reply in replies:
        reply.cancel()
    await asyncio.gather(*replies, return_exceptions=True)
    await connections.close()
    # A stream that was dropped unread is closed by a task of its own, which begins in the next turn.
    await asyncio.sleep(0)
    closing = asyncio.all_tasks() - {asyncio.current_task()}
    if closing:
        await asyncio.wait(closing, timeout=STREAMS_S)


def _settle(done: "asyncio.Task[Finished]", future: "Future[Finished]") -> None:
    if done.cancelled():
        fail(future, Cancelled())
        return
    error = done.exception()
    if error is None:
        resolve(future, done.result())
    elif isinstance(error, ElsewhereError):
        told = EngineError(error.message, error.hint)
        told.values = error.values
        fail(future, told)
    elif isinstance(error, Exception):
        if not isinstance(error, EngineError):
            log.error("a reply from elsewhere", exc_info=error)
        fail(future, error)
