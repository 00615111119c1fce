"""A request as a server elsewhere understands it."""

import json
from typing import Any

from app.engine.protocol import Generate, Notice, Sampling
from app.remote.remote_conversation import messages_of
from app.remote.remote_server import ElsewhereError

_STANDARD = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
_FURTHER = (
    ("top_k", "top_k"),
    ("min_p", "min_p"),
    ("repeat_penalty", "repeat_penalty"),
    ("typical_p", "typical_p"),
)
"""Not of OpenAI's, but of llama-server and vLLM: only sent where the user has set them."""


def chat_body(request: Generate, model: str) -> dict[str, Any]:
    """The JSON of `/v1/chat/completions`. Raises `ElsewhereError` for what only a model here can do."""
    if request.grammar:
        raise ElsewhereError(
            "A grammar works only with a model on this computer.", "Use a JSON schema, or load a model here."
        )
    if request.partial is not None:
        raise ElsewhereError(
            "A reply can go on only with a model on this computer.",
            "Ask for another reply, or load a model here.",
        )
    if request.tokens is not None:
        raise ElsewhereError("A prompt of token ids works only with a model on this computer.")
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "messages": messages_of(request.parts),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body |= {name: value for name in _STANDARD if (value := getattr(sampling, name)) is not None}
    for name, theirs in _FURTHER:
        if getattr(sampling, name) != getattr(Sampling(), name):
            body[theirs] = getattr(sampling, name)
    if request.max_tokens:
        body["max_tokens"] = request.max_tokens
    if request.stop:
        body["stop"] = list(request.stop)
    if request.json_schema:
        schema = json.loads(request.json_schema)
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }
    if request.thinking_limits.tokens == 0:
        # vLLM's and llama-server's way to the templates that know how not to think.
        body["chat_template_kwargs"] = {"enable_thinking": False}
    return body


def notices(request: Generate) -> list[Notice]:
    """List the user's wishes that a remote server does not fulfil."""
    which, found = request.request_id, []
    if request.loras:
        found.append(
            Notice(
                request_id=which,
                message="The adapters of this chat are not used: the model runs elsewhere.",
            )
        )
    if request.thinking_limits.tokens or request.thinking_limits.seconds:
        found.append(
            Notice(request_id=which, message="The limit for thinking is not kept: the model runs elsewhere.")
        )
    return found
