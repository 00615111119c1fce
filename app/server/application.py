"""The web application: every path of the local API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Path
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from app.base.errors import Cancelled, StillroomError
from app.server.access.access_rules import OPEN_PATHS
from app.server.access.api_error import ApiError, api_error, broken_off, error_response
from app.server.endpoints import ollama_api, openai_chat, plain_api
from app.server.endpoints.docs_page import CONTENT_POLICY, docs_page
from app.server.endpoints.embeddings import (
    EmbeddingsRequest,
    OllamaEmbedRequest,
    answer_embed,
    answer_embeddings,
)
from app.server.endpoints.metrics import MEDIA_TYPE, metrics_text
from app.server.endpoints.openai_completions import answer_completion
from app.server.endpoints.plain_api import GenerateRequest
from app.server.requests.ollama_requests import OllamaChatRequest, OllamaGenerateRequest, OllamaShowRequest
from app.server.requests.openai_common_fields import model_object
from app.server.requests.openai_requests import ChatRequest, CompletionRequest
from app.server.requests.replies import CLIENT_CLOSED_REQUEST, ClientGone
from app.server.requests.services import Services

T = TypeVar("T")


def make_application(services: Services, url: str) -> FastAPI:
    """All paths with their documentation, for a server at `url`; the guard goes around it."""
    api = FastAPI(
        title="Stillroom",
        version=services.version,
        description="The models of this computer, over HTTP.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        default_response_class=JSONResponse,
        responses={400: {"description": "The request is not served; the body says why."}},
    )
    _handle_errors(api)
    _add_own_paths(api, services)
    _add_openai_paths(api, services)
    _add_ollama_paths(api, services)

    # Kept as they are sent: who has no key may ask for them as often as he likes.
    def made() -> tuple[bytes, str]:
        document = _described(api)
        return bytes(JSONResponse(document).body), docs_page(document, url)

    described = _made_once(made)

    @api.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        document, _ = await described()
        return Response(document, media_type="application/json")

    @api.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        _, page = await described()
        return HTMLResponse(page, headers={"Content-Security-Policy": CONTENT_POLICY})

    return api


def _made_once(make: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    """Let `make` run on a thread when somebody first asks for what it gives; who asks meanwhile waits for the
    same, as a second one beside it would keep the loop from the interpreter."""
    making: asyncio.Future[T] | None = None

    async def made() -> T:
        nonlocal making
        if making is None:
            making = asyncio.ensure_future(asyncio.to_thread(make))
        # A client that leaves ends its own request only.
        return await asyncio.shield(making)

    return made


def _add_own_paths(api: FastAPI, services: Services) -> None:
    @api.get("/health", tags=["stillroom"], summary="Whether the server answers")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": services.version}

    @api.get("/metrics", tags=["stillroom"], summary="Counters for Prometheus")
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(metrics_text(services.stats.view()), media_type=MEDIA_TYPE)

    @api.post("/generate", tags=["stillroom"], summary="A prompt in, text out")
    async def generate(request: Request, body: GenerateRequest) -> Response:
        return await plain_api.answer_generate(services, request, body)


def _add_openai_paths(api: FastAPI, services: Services) -> None:
    @api.get("/v1/models", tags=["openai"], summary="The models that can be asked")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [model_object(model) for model in services.models.all()]}

    # Names have slashes in them.
    @api.get("/v1/models/{name:path}", tags=["openai"], summary="One model")
    async def model(name: Annotated[str, Path(min_length=1, max_length=200)]) -> dict[str, Any]:
        return model_object(services.models.find(name))

    @api.post("/v1/chat/completions", tags=["openai"], summary="The next turn of a conversation")
    async def chat(request: Request, body: ChatRequest) -> Response:
        return await openai_chat.answer_chat(services, request, body)

    @api.post("/v1/completions", tags=["openai"], summary="A text goes on")
    async def completions(request: Request, body: CompletionRequest) -> Response:
        return await answer_completion(services, request, body)

    @api.post("/v1/embeddings", tags=["openai"], summary="Texts as vectors")
    async def embed(request: Request, body: EmbeddingsRequest) -> Response:
        return await answer_embeddings(services, request, body)


def _add_ollama_paths(api: FastAPI, services: Services) -> None:
    @api.head("/", include_in_schema=False)
    @api.get("/", include_in_schema=False)
    async def root() -> PlainTextResponse:
        return PlainTextResponse("Stillroom is running")

    @api.get("/api/version", tags=["ollama"], summary="The version of the API")
    async def version() -> dict[str, str]:
        return {"version": ollama_api.API_VERSION}

    @api.get("/api/tags", tags=["ollama"], summary="The models that can be asked")
    async def tags() -> dict[str, Any]:
        return {"models": [ollama_api.tag(model) for model in services.models.all()]}

    @api.get("/api/ps", tags=["ollama"], summary="The models that are loaded")
    async def loaded() -> dict[str, Any]:
        return {"models": [ollama_api.tag(model) for model in services.models.ready()]}

    @api.post("/api/show", tags=["ollama"], summary="What is known of a model")
    async def show(body: OllamaShowRequest) -> dict[str, Any]:
        return await ollama_api.shown(services, body.model or body.name)

    @api.post("/api/chat", tags=["ollama"], summary="The next turn of a conversation")
    async def chat(request: Request, body: OllamaChatRequest) -> Response:
        return await ollama_api.answer_chat(services, request, body)

    @api.post("/api/generate", tags=["ollama"], summary="A prompt in, text out")
    async def generate(request: Request, body: OllamaGenerateRequest) -> Response:
        return await ollama_api.answer_generate(services, request, body)

    @api.post("/api/embed", tags=["ollama"], summary="Texts as vectors")
    async def embed(request: Request, body: OllamaEmbedRequest) -> Response:
        return await answer_embed(services, request, body)


def _described(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: with the key, and without FastAPI's own error, which is a 400 here."""
    document = api.openapi()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            if path not in OPEN_PATHS:
                operation["security"] = [{"key": []}]
                operation["responses"]["401"] = {"description": "The key is missing or wrong."}
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


def _handle_errors(api: FastAPI) -> None:
    @api.exception_handler(StillroomError)
    async def refused(request: Request, error: StillroomError) -> Response:
        return error_response(request.url.path, api_error(error))

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        # Our own are told as they are: pydantic puts "Value error" in front.
        reason = first["ctx"]["error"] if first["type"] == "value_error" else first["msg"]
        place = ".".join(str(step) for step in first["loc"] if step != "body")
        refusal = ApiError(
            400,
            "{place}: {reason}." if place else "{reason}.",
            code="invalid_request",
            param=place or None,
            place=place[:200],
            reason=str(reason)[:500],
        )
        return error_response(request.url.path, refusal)

    @api.exception_handler(HTTPException)
    async def not_here(request: Request, error: HTTPException) -> Response:
        refusal = ApiError(
            error.status_code,
            "There is nothing at this path." if error.status_code == 404 else "{reason}.",
            headers=dict(error.headers or {}),
            reason=error.detail,
        )
        return error_response(request.url.path, refusal)

    @api.exception_handler(ClientGone)
    async def gone(request: Request, error: ClientGone) -> Response:
        return Response(status_code=CLIENT_CLOSED_REQUEST)

    @api.exception_handler(Cancelled)
    async def cancelled(request: Request, error: Cancelled) -> JSONResponse:
        return error_response(request.url.path, broken_off())
