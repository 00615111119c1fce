"""Ollama's API, for the clients that speak it. https://github.com/ollama/ollama/blob/main/docs/api.md"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.chat.prompting.prompt import ChatMessage, Prompt
from app.engine.protocol import Delta, Finished, Generate, ModelInfo, Part
from app.server.access.api_error import ApiError
from app.server.requests.answering import (
    answer_events,
    around_the_gap,
    screened,
    streamed_answer,
    whole_answer,
)
from app.server.requests.ollama_requests import (
    OllamaChatRequest,
    OllamaFields,
    OllamaGenerateRequest,
    OllamaMessage,
)
from app.server.requests.openai_requests import FunctionCall, Message, ToolCall
from app.server.requests.replies import unless_gone
from app.server.requests.request_fields import EFFORT_TOKENS, schema_text, thinking_limits
from app.server.requests.request_turns import conversation
from app.server.requests.served_models import ServedModel
from app.server.requests.services import Services
from app.server.requests.tools import CallWatch, ToolUse

NDJSON = "application/x-ndjson"
API_VERSION = "0.12.0"
"""The version of Ollama's API that this is like; clients ask for it."""

Way = Literal["chat", "generate"]


async def answer_chat(services: Services, request: Request, body: OllamaChatRequest) -> Response:
    """POST /api/chat. Raises `StillroomError`."""
    model, info = await unless_gone(request, services.models.loaded(body.model))
    if not body.messages:
        return _only_loaded(model, "chat")
    tools = ToolUse.of(body.tools, None)
    turns = conversation([_message(message) for message in body.messages], tools)
    prompt = await services.prompt(info, await screened(services, request, info, turns))
    return await _answer(services, request, body, model, info, prompt, tools, "chat")


async def answer_generate(services: Services, request: Request, body: OllamaGenerateRequest) -> Response:
    """POST /api/generate. Raises `StillroomError`."""
    model, info = await unless_gone(request, services.models.loaded(body.model))
    if not body.prompt and not body.suffix:
        return _only_loaded(model, "generate")
    if body.suffix:
        before, behind = await services.admission.screen(request, info, [body.prompt, body.suffix])
        prompt = Prompt(around_the_gap(info, before, behind), "off")
    elif body.raw:
        prompt = Prompt(
            [Part(text) for text in await services.admission.screen(request, info, [body.prompt])], "off"
        )
    else:
        system = [ChatMessage("system", body.system)] if body.system else []
        turns = await screened(services, request, info, [*system, ChatMessage("user", body.prompt)])
        prompt = await services.prompt(info, turns)
    return await _answer(services, request, body, model, info, prompt, ToolUse(), "generate")


def tag(model: ServedModel) -> dict[str, Any]:
    """A model in the list of /api/tags."""
    return {
        "name": model.id,
        "model": model.id,
        "modified_at": _modified_at(model),
        "size": model.bytes,
        "digest": model.installed.sha256 if model.installed is not None else "",
        "details": _details(model),
    }


async def shown(services: Services, name: str) -> dict[str, Any]:
    """POST /api/show. Raises `StillroomError`."""
    model = services.models.find(name)
    info = model.info
    about: dict[str, Any] = {}
    if info is not None:
        about = {
            "general.architecture": info.architecture,
            "general.parameter_count": info.parameters,
            f"{info.architecture}.context_length": info.context_limit,
        }
    return {
        "modelfile": "",
        "parameters": "",
        "template": info.chat_template if info is not None else "",
        "details": _details(model),
        "model_info": about,
        "capabilities": await _capabilities(services, info),
        "modified_at": _modified_at(model),
    }


async def _capabilities(services: Services, info: ModelInfo | None) -> list[str]:
    if info is not None and info.pooling:
        return ["embedding"]
    found = ["completion", "tools"]
    if info is not None and info.fim_texts is not None:
        found.append("insert")
    if info is not None and await services.thinks(info):
        found.append("thinking")
    return found


async def _answer(
    services: Services,
    request: Request,
    body: OllamaFields,
    model: ServedModel,
    info: ModelInfo,
    prompt: Prompt,
    tools: ToolUse,
    way: Way,
) -> Response:
    options = body.settings
    wanted = Generate(
        request_id=0,
        parts=prompt.parts,
        thinking=prompt.thinking,
        thinking_limits=thinking_limits(_budget(body.think), prompt.thinking),
        sampling=services.sampling(model, options.sampling()),
        max_tokens=max(0, options.num_predict or 0),
        stop=options.stops,
        json_schema=await _schema(body.format),
        model=info.path,
    )
    # Here streaming is what happens unless it is turned off.
    if body.stream is not False:
        pieces = _pieces(services, request, model, info, wanted, tools, way)
        return await streamed_answer(services, request, pieces, NDJSON, _failure)
    (choice,) = await whole_answer(services, request, info, [wanted])
    content, calls = tools.found(choice.answer)
    said = _said(way, content, choice.thinking, calls)
    return JSONResponse(_around(model, said, choice.ended))


async def _pieces(
    services: Services,
    request: Request,
    model: ServedModel,
    info: ModelInfo,
    wanted: Generate,
    tools: ToolUse,
    way: Way,
) -> AsyncGenerator[bytes, None]:
    watch = CallWatch(tools)
    async with aclosing(answer_events(services, request, info, [wanted])) as events:
        async for _, event in events:
            if isinstance(event, Delta):
                thinks = event.channel == "thinking"
                text = "" if thinks else watch.feed(event.text)
                thinking = event.text if thinks else ""
                if text or thinking:
                    yield _line(_around(model, _said(way, text, thinking)))
                continue
            content, calls = watch.finish()
            if content or calls:
                yield _line(_around(model, _said(way, content, "", calls)))
            yield _line(_around(model, _said(way, "", ""), event))


def _said(way: Way, content: str, thinking: str, calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    thought = {"thinking": thinking} if thinking else {}
    if way == "generate":
        return {"response": content, **thought}
    message: dict[str, Any] = {"role": "assistant", "content": content, **thought}
    if calls:
        # Here arguments are an object, not its text.
        message["tool_calls"] = [
            {
                "function": {
                    "name": call["function"]["name"],
                    "arguments": json.loads(call["function"]["arguments"]),
                }
            }
            for call in calls
        ]
    return {"message": message}


def _around(model: ServedModel, said: dict[str, Any], end: Finished | None = None) -> dict[str, Any]:
    document = {"model": model.id, "created_at": _now(), **said, "done": end is not None}
    if end is None:
        return document
    stats = end.stats
    return document | {
        "done_reason": "stop" if end.reason == "stop" else "length",
        "total_duration": round((stats.prompt_s + stats.decode_s) * 1e9),
        "load_duration": 0,
        "prompt_eval_count": stats.prompt_tokens,
        "prompt_eval_duration": round(stats.prompt_s * 1e9),
        "eval_count": stats.completion_tokens,
        "eval_duration": round(stats.decode_s * 1e9),
    }


def _only_loaded(model: ServedModel, way: Way) -> Response:
    """An empty question asks for the model to be loaded, which it is by now."""
    document = {"model": model.id, "created_at": _now(), **_said(way, "", "")}
    return JSONResponse(document | {"done": True, "done_reason": "load"})


def _message(message: OllamaMessage) -> Message:
    """The same turn in OpenAI's form, where arguments are text."""
    calls = [
        ToolCall(
            function=FunctionCall(
                name=call.function.name, arguments=json.dumps(call.function.arguments, ensure_ascii=False)
            )
        )
        for call in message.tool_calls or ()
    ]
    return Message(role=message.role, content=message.content, tool_calls=calls)


def _budget(think: bool | str | None) -> int | None:
    if think is False:
        return 0
    return EFFORT_TOKENS.get(think) if isinstance(think, str) else None


async def _schema(wanted: str | dict[str, Any] | None) -> str:
    if not wanted:
        return ""
    return '{"type": "object"}' if isinstance(wanted, str) else await schema_text(wanted, "format")


def _details(model: ServedModel) -> dict[str, Any]:
    info = model.info
    return {
        "parent_model": "",
        "format": "gguf",
        "family": info.architecture if info is not None else "",
        "families": [info.architecture] if info is not None else [],
        "parameter_size": f"{info.parameters / 1e9:.1f}B" if info is not None else "",
        "quantization_level": model.quantisation,
    }


def _modified_at(model: ServedModel) -> str:
    if model.installed is None:
        return _now()
    try:
        changed_s = model.installed.path.stat().st_mtime
    except OSError as error:
        raise ApiError(404, "The model's file is gone.", code="model_not_found") from error
    return datetime.fromtimestamp(changed_s, UTC).isoformat()


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _line(document: object) -> bytes:
    return msgspec.json.encode(document) + b"\n"


def _failure(error: ApiError) -> bytes:
    return _line({"error": str(error)})
