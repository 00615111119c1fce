"""POST /generate: a prompt in, text out."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.chat.prompting.prompt import ChatMessage
from app.engine.protocol import Delta, Finished, Generate, ModelInfo
from app.server.requests.answering import answer_events, screened, streamed_answer, whole_answer
from app.server.requests.openai_common_fields import FINISH_REASONS, SSE, sse, sse_failure, timings
from app.server.requests.replies import unless_gone
from app.server.requests.request_fields import (
    MOST_TOKENS,
    MaxTokens,
    Name,
    Stops,
    schema_text,
    thinking_limits,
)
from app.server.requests.sampling_fields import SamplingFields
from app.server.requests.services import Services


class GenerateRequest(SamplingFields):
    """POST /generate. `thinking_tokens` limits the thinking, 0 leaves it out."""

    prompt: Annotated[str, Field(min_length=1)]
    system: str = ""
    model: Name = ""
    max_tokens: MaxTokens | None = None
    stop: Stops = Field(default_factory=list)
    stream: bool = False
    thinking_tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS)] | None = None
    json_schema: dict[str, Any] | None = None


async def answer_generate(services: Services, request: Request, body: GenerateRequest) -> Response:
    """The answer, whole or streamed. Raises `StillroomError`."""
    model, info = await unless_gone(request, services.models.loaded(body.model))
    system = [ChatMessage("system", body.system)] if body.system else []
    messages = await screened(services, request, info, [*system, ChatMessage("user", body.prompt)])
    prompt = await services.prompt(info, messages)
    wanted = Generate(
        request_id=0,
        parts=prompt.parts,
        thinking=prompt.thinking,
        thinking_limits=thinking_limits(body.thinking_tokens, prompt.thinking),
        sampling=services.sampling(model, body.sampling()),
        max_tokens=body.max_tokens or 0,
        stop=body.stop,
        json_schema=await schema_text(body.json_schema, "json_schema") if body.json_schema else "",
        model=info.path,
    )
    if body.stream:
        pieces = _pieces(services, request, info, model.id, wanted)
        return await streamed_answer(services, request, pieces, SSE, sse_failure)
    (choice,) = await whole_answer(services, request, info, [wanted])
    return JSONResponse(
        {
            "model": model.id,
            "text": choice.answer,
            "thinking": choice.thinking,
            **_end(choice.ended),
        }
    )


def _end(end: Finished) -> dict[str, Any]:
    return {
        "finish_reason": FINISH_REASONS[end.reason],
        "prompt_tokens": end.stats.prompt_tokens,
        "completion_tokens": end.stats.completion_tokens,
        "thinking_tokens": end.stats.thinking_tokens,
        "timings": timings(end.stats),
    }


async def _pieces(
    services: Services, request: Request, info: ModelInfo, model: str, wanted: Generate
) -> AsyncGenerator[bytes, None]:
    async with aclosing(answer_events(services, request, info, [wanted])) as events:
        async for _, event in events:
            if isinstance(event, Delta):
                if event.text:
                    yield sse({"thinking" if event.channel == "thinking" else "text": event.text})
            else:
                yield sse({"model": model, "done": True, **_end(event)})
