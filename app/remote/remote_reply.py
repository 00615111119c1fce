"""One reply of a server elsewhere on its way."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from app.engine.protocol import Channel, Delta, Finished, FinishReason, Generate, GenerationStats
from app.engine.protocol.reply_source import OnReplyEvent
from app.remote.event_stream import LONGEST_LINE, BrokenStream, ReplyStream, StreamError
from app.remote.http_clients import Connections
from app.remote.model_directory import WHOLE_S, headers, refusal, unreachable
from app.remote.remote_request import chat_body, notices
from app.remote.remote_server import SCHEME, ElsewhereError, ElsewhereServer
from models.hub.bounded_http import AnswerError, lines, whole_body
from models.system.foreign_json import parse_json

MOST_ERROR_BYTES = 1 << 20
MOST_REPLY_BYTES = 256 << 20
"""A reply takes some 250 bytes a token."""

_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "tool_calls": "stop"}


class ElsewhereReply:
    """Runs on the loop of `ElsewhereAnswers`; times are measured on this side."""

    def __init__(
        self,
        request: Generate,
        tell: OnReplyEvent,
        began_s: float,
        servers: Callable[[], Sequence[ElsewhereServer]],
        key_of: Callable[[str], str],
        connections: Connections,
    ) -> None:
        self._request = request
        self._tell = tell
        self._began_s = began_s
        self._find_servers = servers
        self._key_of = key_of
        self._connections = connections
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cancelled = threading.Event()
        self._first_s = self._last_s = self._answer_s = 0.0
        self._came = 0
        self._is_told = False
        """Some of it was handed on."""
        self._token_s: list[float] = []
        name = request.model.rpartition("/")[2].lower()
        thinks_first = "r1-" in name or "-r1" in name
        self._stream = ReplyStream("open" if thinks_first else "auto")
        self._told: dict[Channel, int] = {"thinking": 0, "answer": 0}

    def cancel(self) -> None:
        """Close the line. Any thread."""
        self._cancelled.set()
        if self._loop is not None and self._task is not None:
            # The loop may have ended with the program.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def run(self) -> Finished:
        """Until its end; a cancelled one gives that reason."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._cancelled.is_set():
            return self._finished("cancelled")
        server, model = self._server()
        try:
            for notice in notices(self._request):
                self._tell(notice)
            await self._receive(server, chat_body(self._request, model))
        except asyncio.CancelledError:
            # Whoever cancelled hears the end as from the engine. The line is closed, so the server stops.
            return self._finished("cancelled")
        reason = self._stream.finish_reason
        if not reason:
            raise _broke_off(server, "it ended in the middle")
        return self._finished(_REASONS.get(reason, "stop"))

    def _server(self) -> tuple[ElsewhereServer, str]:
        which, _, model = self._request.model.removeprefix(SCHEME).partition("/")
        for server in self._find_servers():
            if server.id == which and server.agreed:
                return server, model
        raise ElsewhereError(
            "The server of this model is not there any more, or nothing may be sent to it.",
            "Choose another model at the top of the window.",
        )

    async def _receive(self, server: ElsewhereServer, body: dict[str, Any]) -> None:
        key = await asyncio.to_thread(self._key_of, server.id)
        http = self._connections.to(server)
        url = f"{server.url}/v1/chat/completions"
        try:
            sent = {**headers(key), "Accept-Encoding": "identity"}
            async with http.stream("POST", url, headers=sent, json=body) as answer:
                if answer.status_code != 200:
                    async with asyncio.timeout(WHOLE_S):
                        said = await whole_body(answer, MOST_ERROR_BYTES)
                    raise refusal(answer.status_code, _error_text(said), server)
                async for line in lines(answer, LONGEST_LINE, MOST_REPLY_BYTES):
                    self._take(self._stream.feed(line))
                    if self._stream.done:
                        break
            self._take(self._stream.finish())
        except (httpx.HTTPError, httpx.InvalidURL, AnswerError) as error:
            if not self._first_s:
                raise unreachable(server, error) from error
            raise _broke_off(server, str(error) or type(error).__name__) from error
        except TimeoutError as error:
            raise unreachable(server, AnswerError("it did not answer in time")) from error
        except (BrokenStream, StreamError) as error:
            raise _broke_off(server, str(error)) from error

    def _take(self, stretches: list[tuple[Channel, str]]) -> None:
        now_s = time.monotonic()
        pieces = self._stream.pieces
        came = pieces["thinking"] + pieces["answer"]
        if came > self._came:
            if self._request.token_times and self._came:
                self._token_s.append(now_s - self._last_s)
            self._first_s = self._first_s or now_s
            self._last_s, self._came = now_s, came
        if pieces["answer"] and not self._answer_s:
            self._answer_s = now_s
        for channel, text in stretches:
            tokens = pieces[channel] - self._told[channel]
            self._told[channel] = pieces[channel]
            is_first, self._is_told = not self._is_told, True
            self._tell(
                Delta(
                    request_id=self._request.request_id,
                    channel=channel,
                    text=text,
                    tokens=tokens,
                    ttft_s=self._first_s - self._began_s if is_first else 0.0,
                )
            )

    def _finished(self, reason: FinishReason) -> Finished:
        stream = self._stream
        came = stream.pieces["thinking"] + stream.pieces["answer"]
        completion = stream.completion_tokens or came
        ttft_s = self._first_s - self._began_s if self._first_s else 0.0
        decode_s = self._last_s - self._first_s
        # The server's count is of the whole reply; of the pieces, each channel has its share.
        thinking = round(completion * stream.pieces["thinking"] / came) if came else 0
        evaluated = max(0, stream.prompt_tokens - stream.cached_tokens)
        return Finished(
            request_id=self._request.request_id,
            reason=reason,
            stats=GenerationStats(
                prompt_tokens=stream.prompt_tokens,
                completion_tokens=completion,
                thinking_tokens=thinking,
                ttft_s=ttft_s,
                prompt_s=ttft_s,
                decode_s=decode_s,
                thinking_s=(
                    (self._answer_s or self._last_s) - self._first_s if stream.pieces["thinking"] else 0.0
                ),
                prompt_tok_per_s=evaluated / ttft_s if ttft_s else 0.0,
                decode_tok_per_s=(completion - 1) / decode_s if decode_s > 0 and completion > 1 else 0.0,
                context_tokens_used=stream.prompt_tokens + completion,
                seed=self._request.sampling.seed or 0,
                reused_tokens=stream.cached_tokens,
                token_s=self._token_s,
            ),
        )


def _error_text(data: bytes) -> str:
    try:
        document: Any = parse_json(data)
        error = document["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError, RecursionError):
        return data.decode("utf-8", "replace")


def _broke_off(server: ElsewhereServer, reason: str) -> ElsewhereError:
    said = "".join(sign if sign.isprintable() else " " for sign in reason[:300]).strip().rstrip(".")
    return ElsewhereError(
        "The reply of {host} broke off: {reason}.",
        "What had come is kept. Ask again once the server can be reached.",
        host=server.host,
        reason=said,
    )
