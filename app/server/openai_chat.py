"""POST /v1/chat/completions."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.chat.prompt import ChatMessage
from app.engine.messages import Delta, Finished, Generate, ModelInfo, TokenLogprob
from app.errors import StillroomError
from app.server.admission import Admission, Call
from app.server.api_error import api_error, error_object
from app.server.openai_objects import (
    FINISH_REASONS,
    SSE_DONE,
    Envelope,
    chat_logprobs,
    new_id,
    sse,
    timings,
    usage,
)
from app.server.openai_requests import ChatRequest, Message, ResponseFormat
from app.server.replies import Replies, StreamedReply, unless_gone
from app.server.request_fields import EFFORT_TOKENS, logit_bias, schema_text, thinking_limits
from app.server.served_models import ServedModel
from app.server.services import Services
from app.server.tools import ToolUse, call_text, response_text

PATH = "/v1/chat/completions"


@dataclass(slots=True, eq=False)
class Choice:
    """One reply so far."""

    index: int
    thinking: list[str] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    end: Finished | None = None

    def add(self, delta: Delta) -> None:
        """More of it."""
        if delta.channel == "thinking":
            self.thinking.append(delta.text)
        else:
            self.answer.append(delta.text)
            self.logprobs += delta.logprobs


async def answer_chat(services: Services, request: Request, body: ChatRequest) -> Response:
    """The reply, whole or streamed. Raises `StillroomError`."""
    model, info = await unless_gone(request, services.models.loaded(body.model))
    tools = ToolUse.of(body.tools, body.tool_choice)
    wanted = generate_requests(services, model, info, body, tools)
    if body.stream:
        return await _streamed(services, request, body, model, wanted, tools)
    with services.admission.admit(request, body.choices) as call:
        choices = [Choice(index) for index in range(body.choices)]

        async def gather() -> None:
            replies = services.ask(wanted)
            try:
                async for index, event in replies.events():
                    if isinstance(event, Delta):
                        choices[index].add(event)
                    else:
                        choices[index].end = event
                        call.finished(event)
            finally:
                replies.close()

        await unless_gone(request, gather())
    ends = [choice.end for choice in choices if choice.end is not None]
    envelope = Envelope("chat.completion", model.id, new_id("chatcmpl"))
    return JSONResponse(
        envelope.around(
            [_whole(choice, tools, body) for choice in choices],
            usage=usage(ends),
            timings=timings(ends[0].stats),
        )
    )


def generate_requests(
    services: Services, model: ServedModel, info: ModelInfo, body: ChatRequest, tools: ToolUse
) -> list[Generate]:
    """What the engine is asked, once for each choice. Raises `StillroomError`."""
    prompt = services.prompt(info, screened(services.admission, conversation(body.messages, tools)))
    schema = tools.schema() or _schema(body.response_format)
    effort = body.reasoning_effort
    limits = thinking_limits(EFFORT_TOKENS.get(effort) if effort else None, prompt.thinking)
    bias = logit_bias(body.logit_bias, info)
    return [
        Generate(
            request_id=0,
            parts=prompt.parts,
            thinking=prompt.thinking,
            thinking_limits=limits,
            sampling=services.sampling(model, body.sampling(choice) | {"logit_bias": bias}),
            max_tokens=body.max_completion_tokens or body.max_tokens or 0,
            stop=body.stops,
            logprobs=(body.top_logprobs or 0) if body.logprobs else None,
            json_schema=schema,
            model=info.path,
        )
        for choice in range(body.choices)
    ]


def conversation(messages: Sequence[Message], tools: ToolUse) -> list[ChatMessage]:
    """The turns as a template takes them: system texts in front, calls and results in words."""
    system = [message.text for message in messages if message.role in ("system", "developer")]
    system.append(tools.instructions())
    turns: list[ChatMessage] = []
    for message in messages:
        if message.role == "user":
            turns.append(ChatMessage("user", message.text))
        elif message.role == "tool":
            turns.append(ChatMessage("user", response_text(message.text)))
        elif message.role == "assistant":
            calls = [call_text(call) for call in message.tool_calls or ()]
            turns.append(ChatMessage("assistant", "\n".join(filter(None, [message.text, *calls]))))
    told = "\n\n".join(text for text in system if text.strip())
    return [ChatMessage("system", told), *turns] if told else turns


def screened(admission: Admission, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The conversation as the model may see it. Raises `ApiError` for what is blocked."""
    texts = admission.screen([message.content for message in messages])
    return [ChatMessage(message.role, text) for message, text in zip(messages, texts, strict=True)]


def _schema(wanted: ResponseFormat | None) -> str:
    if wanted is None or wanted.type == "text":
        return ""
    if wanted.type == "json_schema" and wanted.json_schema and wanted.json_schema.schema_:
        return schema_text(wanted.json_schema.schema_, "response_format")
    return '{"type": "object"}'


def _whole(choice: Choice, tools: ToolUse, body: ChatRequest) -> dict[str, Any]:
    assert choice.end is not None
    content, calls = tools.found("".join(choice.answer))
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if calls else "")}
    if choice.thinking:
        message["reasoning_content"] = "".join(choice.thinking).strip()
    if calls:
        message["tool_calls"] = calls
    return {
        "index": choice.index,
        "message": message,
        "logprobs": chat_logprobs(choice.logprobs) if body.logprobs else None,
        "finish_reason": "tool_calls" if calls else FINISH_REASONS[choice.end.reason],
    }


async def _streamed(
    services: Services,
    request: Request,
    body: ChatRequest,
    model: ServedModel,
    wanted: list[Generate],
    tools: ToolUse,
) -> Response:
    envelope = Envelope("chat.completion.chunk", model.id, new_id("chatcmpl"))
    pieces = _pieces(services, request, body, envelope, wanted, tools)
    # What is refused is refused with a status, so wait for the first of it.
    try:
        first = await unless_gone(request, anext(pieces))
    except BaseException:
        await pieces.aclose()
        raise

    async def all_pieces() -> AsyncGenerator[bytes, None]:
        try:
            yield first
            async for piece in pieces:
                yield piece
        except StillroomError as error:
            yield sse(error_object(PATH, api_error(error)))
        finally:
            await pieces.aclose()

    return StreamedReply(all_pieces(), "text/event-stream", services.config.limits.send_s)


async def _pieces(
    services: Services,
    request: Request,
    body: ChatRequest,
    envelope: Envelope,
    wanted: list[Generate],
    tools: ToolUse,
) -> AsyncGenerator[bytes, None]:
    with services.admission.admit(request, len(wanted)) as call:
        replies = services.ask(wanted)
        try:
            async for piece in _chunks(replies, body, envelope, tools, call):
                yield piece
        finally:
            replies.close()


async def _chunks(
    replies: Replies, body: ChatRequest, envelope: Envelope, tools: ToolUse, call: Call
) -> AsyncGenerator[bytes, None]:
    choices = [Choice(index) for index in range(body.choices)]
    more: dict[str, object] = {"usage": None} if body.includes_usage else {}
    begun: set[int] = set()
    async for index, event in replies.events():
        choice = choices[index]
        if index not in begun:
            begun.add(index)
            delta = {"role": "assistant", "content": ""}
            yield sse(envelope.around([_piece(index, delta)], **more))
        if isinstance(event, Delta):
            choice.add(event)
            name = "reasoning_content" if event.channel == "thinking" else "content"
            if event.text and not (tools.tools and name == "content"):
                probabilities = chat_logprobs(event.logprobs) if body.logprobs and event.logprobs else None
                yield sse(
                    envelope.around([_piece(index, {name: event.text}, logprobs=probabilities)], **more)
                )
            continue
        choice.end = event
        call.finished(event)
        calls: list[dict[str, Any]] = []
        if tools.tools:
            # A call is only known to be one once it is whole.
            content, calls = tools.found("".join(choice.answer))
            if content:
                yield sse(envelope.around([_piece(index, {"content": content})], **more))
            if calls:
                numbered = [{"index": number, **one} for number, one in enumerate(calls)]
                yield sse(envelope.around([_piece(index, {"tool_calls": numbered})], **more))
        reason = "tool_calls" if calls else FINISH_REASONS[event.reason]
        last = envelope.around([_piece(index, {}, reason)], **more)
        yield sse(last | {"timings": timings(event.stats)})
    if body.includes_usage:
        ends = [choice.end for choice in choices if choice.end is not None]
        yield sse(envelope.around([], usage=usage(ends)))
    yield SSE_DONE


def _piece(
    index: int, delta: dict[str, Any], reason: str | None = None, *, logprobs: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
