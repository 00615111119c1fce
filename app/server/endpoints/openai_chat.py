"""POST /v1/chat/completions."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.chat.prompting.prompt import ChatMessage
from app.engine.protocol import Delta, Finished, Generate, ModelInfo, PartialReply, TokenLogprob
from app.server.requests.answering import Choice, answer_events, screened, streamed_answer, whole_answer
from app.server.requests.openai_common_fields import (
    FINISH_REASONS,
    SSE,
    SSE_DONE,
    Envelope,
    chat_logprobs,
    new_id,
    sse,
    sse_failure,
    timings,
    usage,
)
from app.server.requests.openai_requests import ChatRequest, ResponseFormat
from app.server.requests.replies import unless_gone
from app.server.requests.request_fields import EFFORT_TOKENS, schema_text, thinking_limits
from app.server.requests.request_turns import conversation
from app.server.requests.sampling_fields import logit_bias
from app.server.requests.served_models import ServedModel
from app.server.requests.services import Services
from app.server.requests.tools import CallWatch, ToolUse


async def answer_chat(services: Services, request: Request, body: ChatRequest) -> Response:
    """The reply, whole or streamed. Raises `StillroomError`."""
    model, info = await unless_gone(request, services.models.loaded(body.model))
    tools = ToolUse.of(body.tools, body.tool_choice)
    wanted = await _requests(services, request, model, info, body, tools)
    if body.stream:
        pieces = _pieces(services, request, info, body, model.id, wanted, tools)
        return await streamed_answer(services, request, pieces, SSE, sse_failure)
    choices = await whole_answer(services, request, info, wanted)
    envelope = Envelope("chat.completion", model.id, new_id("chatcmpl"))
    ends = [choice.ended for choice in choices]
    return JSONResponse(
        envelope.around(
            [_whole(choice, tools, body) for choice in choices],
            usage=usage(ends, body.choices),
            timings=timings(ends[0].stats),
        )
    )


async def _requests(
    services: Services,
    request: Request,
    model: ServedModel,
    info: ModelInfo,
    body: ChatRequest,
    tools: ToolUse,
) -> list[Generate]:
    """Make the requests to the engine, one for each choice. Raises `StillroomError`."""
    begun = body.begun
    turns = conversation(body.messages if begun is None else body.messages[:-1], tools)
    said = [] if begun is None else [begun.reasoning_content or "", begun.text]
    # What the model has said so far passes the filter like the rest.
    messages = await screened(
        services, request, info, [*turns, *(ChatMessage("assistant", text) for text in said)]
    )
    prompt = await services.prompt(info, messages[: len(turns)])
    partial = None
    if begun is not None:
        thinking, answer = (message.content for message in messages[len(turns) :])
        partial = PartialReply(thinking=thinking, answer=answer)
    schema = await tools.schema() or await _schema(body.response_format)
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
            partial=partial,
            model=info.path,
        )
        for choice in range(body.choices)
    ]


async def _schema(wanted: ResponseFormat | None) -> str:
    if wanted is None or wanted.type == "text":
        return ""
    if wanted.type == "json_schema" and wanted.json_schema and wanted.json_schema.schema_:
        return await schema_text(wanted.json_schema.schema_, "response_format")
    return '{"type": "object"}'


def _whole(choice: Choice, tools: ToolUse, body: ChatRequest) -> dict[str, Any]:
    content, calls = tools.found(choice.answer)
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if calls else "")}
    if choice.thinking:
        message["reasoning_content"] = choice.thinking
    if calls:
        message["tool_calls"] = calls
    return {
        "index": choice.index,
        "message": message,
        "logprobs": chat_logprobs(choice.logprobs) if body.logprobs else None,
        "finish_reason": "tool_calls" if calls else FINISH_REASONS[choice.ended.reason],
    }


async def _pieces(
    services: Services,
    request: Request,
    info: ModelInfo,
    body: ChatRequest,
    model: str,
    wanted: list[Generate],
    tools: ToolUse,
) -> AsyncGenerator[bytes, None]:
    envelope = Envelope("chat.completion.chunk", model, new_id("chatcmpl"))
    more: dict[str, object] = {"usage": None} if body.includes_usage else {}
    watches: dict[int, CallWatch] = {}
    ends: dict[int, Finished] = {}
    async with aclosing(answer_events(services, request, info, wanted)) as events:
        async for choice, event in events:
            if choice.index not in watches:
                watches[choice.index] = CallWatch(tools)
                yield sse(
                    envelope.around([_piece(choice.index, {"role": "assistant", "content": ""})], **more)
                )
            watch = watches[choice.index]
            if isinstance(event, Delta):
                if event.channel == "thinking":
                    name, text, logprobs = "reasoning_content", event.text, []
                else:
                    name, text, logprobs = "content", watch.feed(event.text), event.logprobs
                if text or (body.logprobs and logprobs):
                    yield sse(envelope.around([_piece(choice.index, {name: text}, logprobs)], **more))
                continue
            ends[choice.index] = event
            content, calls = watch.finish()
            deltas: list[dict[str, Any]] = []
            if content:
                deltas.append({"content": content})
            if calls:
                deltas.append({"tool_calls": [{"index": number, **one} for number, one in enumerate(calls)]})
            for delta in deltas:
                yield sse(envelope.around([_piece(choice.index, delta)], **more))
            reason = "tool_calls" if calls else FINISH_REASONS[event.reason]
            last = {**_piece(choice.index, {}), "finish_reason": reason}
            yield sse(envelope.around([last], **more, timings=timings(event.stats)))
    if body.includes_usage:
        yield sse(envelope.around([], usage=usage([ends[index] for index in sorted(ends)], body.choices)))
    yield SSE_DONE


def _piece(index: int, delta: dict[str, Any], logprobs: Sequence[TokenLogprob] = ()) -> dict[str, Any]:
    probabilities = chat_logprobs(logprobs) if logprobs else None
    return {"index": index, "delta": delta, "logprobs": probabilities, "finish_reason": None}
