"""POST /v1/completions: a text goes on, without a template."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.engine.protocol import Delta, Finished, Generate, ModelInfo, Part
from app.server.access.api_error import ApiError
from app.server.requests.answering import Choice, answer_events, around_the_gap, streamed_answer, whole_answer
from app.server.requests.openai_common_fields import (
    FINISH_REASONS,
    SSE,
    SSE_DONE,
    Envelope,
    completion_logprobs,
    new_id,
    sse,
    sse_failure,
    timings,
    usage,
)
from app.server.requests.openai_requests import MOST_PROMPTS, CompletionRequest
from app.server.requests.replies import unless_gone
from app.server.requests.sampling_fields import logit_bias
from app.server.requests.served_models import ServedModel
from app.server.requests.services import Services

DEFAULT_TOKENS = 16
"""OpenAI's, for who does not say how much he wants."""


async def answer_completion(services: Services, request: Request, body: CompletionRequest) -> Response:
    """The text, whole or streamed. Raises `StillroomError`."""
    model, info = await unless_gone(request, services.models.loaded(body.model))
    wanted = await _requests(services, request, model, info, body)
    envelope = Envelope("text_completion", model.id, new_id("cmpl"))
    echoes = [
        prompt if body.echo and isinstance(prompt, str) else ""
        for prompt in body.prompts
        for _ in range(body.choices)
    ]
    if body.stream:
        pieces = _pieces(services, request, info, body, envelope, wanted, echoes)
        return await streamed_answer(services, request, pieces, SSE, sse_failure)
    choices = await whole_answer(services, request, info, wanted)
    ends = [choice.ended for choice in choices]
    return JSONResponse(
        envelope.around(
            [_whole(choice, body, echo) for choice, echo in zip(choices, echoes, strict=True)],
            usage=usage(ends, body.choices),
            timings=timings(ends[0].stats),
        )
    )


async def _requests(
    services: Services, request: Request, model: ServedModel, info: ModelInfo, body: CompletionRequest
) -> list[Generate]:
    if len(body.prompts) * body.choices > MOST_PROMPTS:
        raise ApiError(400, "More than {count} replies are asked for.", param="n", count=MOST_PROMPTS)
    bias = logit_bias(body.logit_bias, info)
    requests = []
    for prompt in body.prompts:
        parts, tokens = [], None
        if isinstance(prompt, str):
            text, suffix = await services.admission.screen(request, info, [prompt, body.suffix or ""])
            parts = around_the_gap(info, text, suffix) if suffix else [Part(text)]
            if not text and not suffix and not info.adds_bos:
                raise ApiError(400, "The prompt is empty.", param="prompt")
        elif body.suffix:
            raise ApiError(400, "A suffix goes with a prompt of text.", param="suffix")
        else:
            await services.admission.refuse_token_ids("prompt")
            tokens = prompt
            if max(tokens) >= info.vocabulary:
                raise ApiError(
                    400,
                    "The model's vocabulary has {count} tokens, and the prompt one beyond them.",
                    param="prompt",
                    count=info.vocabulary,
                )
        for choice in range(body.choices):
            requests.append(
                Generate(
                    request_id=0,
                    parts=parts,
                    tokens=tokens,
                    thinking="off",
                    sampling=services.sampling(model, body.sampling(choice) | {"logit_bias": bias}),
                    max_tokens=body.max_tokens or DEFAULT_TOKENS,
                    stop=body.stops,
                    logprobs=body.logprobs,
                    model=info.path,
                )
            )
    return requests


def _whole(choice: Choice, body: CompletionRequest, echo: str) -> dict[str, Any]:
    return {
        "index": choice.index,
        "text": echo + choice.answer,
        "logprobs": completion_logprobs(choice.logprobs, len(echo)) if body.logprobs is not None else None,
        "finish_reason": FINISH_REASONS[choice.ended.reason],
    }


async def _pieces(
    services: Services,
    request: Request,
    info: ModelInfo,
    body: CompletionRequest,
    envelope: Envelope,
    wanted: list[Generate],
    echoes: list[str],
) -> AsyncGenerator[bytes, None]:
    more: dict[str, object] = {"usage": None} if body.includes_usage else {}
    offsets = [0] * len(wanted)
    ends: dict[int, Finished] = {}
    async with aclosing(answer_events(services, request, info, wanted)) as events:
        async for choice, event in events:
            index = choice.index
            piece: dict[str, Any] = {"index": index, "text": "", "logprobs": None, "finish_reason": None}
            if not offsets[index] and echoes[index]:
                offsets[index] = len(echoes[index])
                yield sse(envelope.around([piece | {"text": echoes[index]}], **more))
            if isinstance(event, Delta):
                piece["text"] = event.text
                if body.logprobs is not None:
                    piece["logprobs"] = completion_logprobs(event.logprobs, offsets[index])
                offsets[index] += len(event.text)
                yield sse(envelope.around([piece], **more))
            else:
                ends[choice.index] = event
                piece["finish_reason"] = FINISH_REASONS[event.reason]
                yield sse(envelope.around([piece], **more, timings=timings(event.stats)))
    if body.includes_usage:
        yield sse(envelope.around([], usage=usage([ends[index] for index in sorted(ends)], body.choices)))
    yield SSE_DONE
