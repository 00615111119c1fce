"""POST /v1/embeddings and /api/embed: texts as vectors, by models that are made for it."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.engine.protocol import Embedded, ModelInfo, Part
from app.server.access.api_error import ApiError
from app.server.requests.replies import unless_gone
from app.server.requests.request_fields import ApiModel, Name, Tokens
from app.server.requests.services import Services

MOST_INPUTS = 256

Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=MOST_INPUTS, fail_fast=True)]


class EmbeddingsRequest(ApiModel):
    """POST /v1/embeddings."""

    input: (
        Text
        | Texts
        | Tokens
        | Annotated[list[Tokens], Field(min_length=1, max_length=MOST_INPUTS, fail_fast=True)]
    )
    model: Name = ""
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1, le=65536)] | None = None

    @property
    def inputs(self) -> list[str | list[int]]:
        """Each of the texts."""
        if isinstance(self.input, str):
            return [self.input]
        whole = [item for item in self.input if isinstance(item, int)]
        return [whole] if whole else [item for item in self.input if not isinstance(item, int)]


class OllamaEmbedRequest(ApiModel):
    """POST /api/embed."""

    model: Name
    input: Text | Texts


async def answer_embeddings(services: Services, request: Request, body: EmbeddingsRequest) -> Response:
    """The vectors in OpenAI's form. Raises `StillroomError`."""
    model, info = await unless_gone(request, services.models.loaded(body.model))
    found = await unless_gone(request, _embedded(services, request, info, body.inputs))
    size = len(found[0].vector) // 4
    if body.dimensions not in (None, size):
        raise ApiError(400, "The model's vectors have {size} dimensions.", param="dimensions", size=size)
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(one.vector).decode()
            if body.encoding_format == "base64"
            else _floats(one),
        }
        for index, one in enumerate(found)
    ]
    tokens = sum(one.tokens for one in found)
    return JSONResponse(
        {
            "object": "list",
            "data": data,
            "model": model.id,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


async def answer_embed(services: Services, request: Request, body: OllamaEmbedRequest) -> Response:
    """The vectors in Ollama's form. Raises `StillroomError`."""
    model, info = await unless_gone(request, services.models.loaded(body.model))
    inputs = [body.input] if isinstance(body.input, str) else body.input
    found = await unless_gone(request, _embedded(services, request, info, inputs))
    return JSONResponse(
        {
            "model": model.id,
            "embeddings": [_floats(one) for one in found],
            "prompt_eval_count": sum(one.tokens for one in found),
        }
    )


async def _embedded(
    services: Services, request: Request, info: ModelInfo, inputs: Sequence[str | list[int]]
) -> list[Embedded]:
    if not info.pooling:
        raise ApiError(
            400,
            "{name} is no embedding model.",
            "Load one that is made for embeddings.",
            code="no_embedding_model",
            param="model",
            name=info.name,
        )
    if any(max(item) >= info.vocabulary for item in inputs if not isinstance(item, str)):
        raise ApiError(400, "A token is not in the model's vocabulary.", param="input")
    texts = [item for item in inputs if isinstance(item, str)]
    if texts:
        texts = await services.admission.screen(request, info, texts)
    else:
        await services.admission.refuse_token_ids("input")
    found = []
    with (
        services.admission.admit(request) as call,
        services.admission.noted_embedding(request, info, texts, call),
    ):
        # One after the other, so that replies go on in between.
        for item in texts or inputs:
            if isinstance(item, str):
                future = services.client.embed([Part(item)], model=info.path)
            else:
                future = services.client.embed(tokens=item, model=info.path)
            one: Embedded = await asyncio.wrap_future(future)
            found.append(one)
            call.prompt_tokens += one.tokens
    return found


def _floats(embedded: Embedded) -> list[Any]:
    floats: list[Any] = np.frombuffer(embedded.vector, "<f4").astype(float).tolist()
    return floats
