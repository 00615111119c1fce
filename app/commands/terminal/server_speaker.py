"""Replies of the running local API on a terminal or for a script."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import msgspec

from app.base.errors import StillroomError
from app.chat.prompting.prompt import ChatMessage
from app.commands.terminal.console import WAKE_S, Console
from app.commands.terminal.running_server import ANSWER_S, ServedModel, authorization, trusted
from app.commands.terminal.server_chunks import Chunk, Error, Timings, Usage, chunk_of_line, refusal
from app.commands.terminal.terminal_reply import Reply, ReplyPrinter, ReplyWishes
from app.engine.protocol import Finished, FinishReason, GenerationStats
from app.server.access.discovery import Discovery
from models.hub.bounded_http import AnswerError, lines, whole_body

_MOST_ERROR_BYTES = 64 << 10
_LONGEST_LINE_BYTES = 1 << 20
_MOST_REPLY_BYTES = 256 << 20
"""A reply takes some 250 bytes a token."""


class ServerError(StillroomError):
    """The server does not answer the question, in its own words; `code` as in OpenAI's error object."""

    def __init__(self, error: Error) -> None:
        super().__init__("{reason}", reason=error.message)
        self.code = error.code or ""


class ServerSpeaker:
    """Answers through the server. For one thread, which waits."""

    def __init__(
        self,
        found: Discovery,
        model: ServedModel,
        console: Console,
        *,
        sampling: dict[str, float | int],
        max_tokens: int,
        wishes: ReplyWishes,
    ) -> None:
        self.context_tokens = model.context_tokens
        self._found = found
        self._console = console
        self._request: dict[str, Any] = {
            "model": model.id,
            "stream": True,
            "stream_options": {"include_usage": True},
            **sampling,
        }
        if max_tokens:
            self._request["max_tokens"] = max_tokens
        if wishes.stop:
            self._request["stop"] = wishes.stop
        if wishes.thinking.tokens == 0:
            self._request["reasoning_effort"] = "none"
        if wishes.json_schema:
            schema = {"schema": _decoded(wishes.json_schema)}
            self._request["response_format"] = {"type": "json_schema", "json_schema": schema}
        self._max_tokens = max_tokens

    def reply(self, messages: Sequence[ChatMessage], cancel: threading.Event) -> Reply:
        """See `Speaks`; the errors have the server's words."""
        told = list(messages)
        first = 1 if told and told[0].role == "system" else 0
        dropped = 0
        while True:
            try:
                reply = asyncio.run(self._reply(told, cancel))
            except ServerError as error:
                if error.code != "context_length_exceeded" or len(told) - first < 3:
                    raise
                # The oldest question with its answer.
                del told[first : first + 2]
                dropped += 2
                continue
            if dropped:
                self._console.note(
                    f"The conversation no longer fits: its first {dropped} messages are left out."
                )
            return reply

    async def _reply(self, messages: Sequence[ChatMessage], cancel: threading.Event) -> Reply:
        printer = ReplyPrinter(self._console)
        chunks: list[Chunk] = []
        reading = asyncio.ensure_future(self._read(messages, printer, chunks))
        began_s = time.monotonic()
        while not reading.done():
            await asyncio.wait({reading}, timeout=WAKE_S)
            if cancel.is_set():
                # Closes the connection, by which the server knows that nobody waits any more.
                reading.cancel()
        await asyncio.wait({reading})
        printer.end()
        if reading.cancelled():
            return Reply(
                printer.text("thinking"),
                printer.text("answer"),
                _finished("cancelled", Usage(), Timings(), time.monotonic() - began_s),
            )
        reading.result()
        if not chunks:
            raise _broken("the reply has no end")
        usage = next((chunk.usage for chunk in chunks if chunk.usage), Usage())
        timings = next((chunk.timings for chunk in chunks if chunk.timings), Timings())
        reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
        reason: FinishReason = "stop"
        if "length" in reasons:
            # OpenAI has one word for both limits.
            reached = self._max_tokens and usage.completion_tokens >= self._max_tokens
            reason = "length" if reached else "context"
        end = _finished(reason, usage, timings, time.monotonic() - began_s)
        return Reply(printer.text("thinking"), printer.text("answer"), end)

    async def _read(self, messages: Sequence[ChatMessage], printer: ReplyPrinter, ends: list[Chunk]) -> None:
        """Print the text; into `ends` goes what tells how the reply ended."""
        request = self._request | {
            "messages": [{"role": message.role, "content": message.content} for message in messages]
        }
        try:
            async for chunk in self._chunks(request):
                if chunk.error is not None:
                    raise ServerError(chunk.error)
                for choice in chunk.choices:
                    if choice.delta.reasoning_content:
                        printer.add("thinking", choice.delta.reasoning_content)
                    if choice.delta.content:
                        printer.add("answer", choice.delta.content)
                if chunk.usage or chunk.timings or any(choice.finish_reason for choice in chunk.choices):
                    ends.append(chunk)
        except (httpx.HTTPError, AnswerError, msgspec.DecodeError, RecursionError) as error:
            raise _broken(str(error) or type(error).__name__) from error

    async def _chunks(self, request: dict[str, Any]) -> AsyncIterator[Chunk]:
        timeout = httpx.Timeout(None, connect=ANSWER_S)
        headers = authorization(self._found) | {"Accept-Encoding": "identity"}
        async with (
            # Without the proxies of the environment: the server is on this computer.
            httpx.AsyncClient(
                headers=headers, timeout=timeout, trust_env=False, verify=trusted(self._found)
            ) as client,
            client.stream("POST", f"{self._found.url}/v1/chat/completions", json=request) as answer,
        ):
            if answer.is_error:
                yield refusal(await whole_body(answer, _MOST_ERROR_BYTES))
                return
            async for line in lines(answer, _LONGEST_LINE_BYTES, _MOST_REPLY_BYTES):
                chunk = chunk_of_line(line)
                if chunk is not None:
                    yield chunk


def _broken(reason: str) -> StillroomError:
    return StillroomError(
        "The connection to the running Stillroom broke: {reason}.",
        "Ask again; with --local the model is loaded by this command itself.",
        reason=reason,
    )


def _decoded(schema: str) -> Any:
    try:
        return msgspec.json.decode(schema)
    except msgspec.DecodeError as error:
        raise StillroomError("The JSON schema is no JSON: {reason}.", reason=str(error)) from error


def _finished(reason: FinishReason, usage: Usage, timings: Timings, whole_s: float) -> Finished:
    ttft_s = timings.ttft_ms / 1000
    return Finished(
        request_id=0,
        reason=reason,
        stats=GenerationStats(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            thinking_tokens=usage.completion_tokens_details.reasoning_tokens,
            ttft_s=ttft_s,
            prompt_s=ttft_s,
            decode_s=max(0.0, whole_s - ttft_s),
            thinking_s=0.0,
            prompt_tok_per_s=timings.prompt_tok_per_s,
            decode_tok_per_s=timings.decode_tok_per_s,
            context_tokens_used=timings.context_tokens_used,
            seed=timings.seed,
            reused_tokens=usage.prompt_tokens_details.cached_tokens,
            drafted_tokens=timings.drafted_tokens,
            accepted_tokens=timings.accepted_tokens,
        ),
    )
