"""The web application: every path of the local API."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.errors import Cancelled, StillroomError
from app.server.api_error import ApiError, api_error, error_response
from app.server.openai_chat import answer_chat
from app.server.openai_requests import ChatRequest
from app.server.replies import CLIENT_CLOSED_REQUEST, ClientGone
from app.server.services import Services


def make_application(services: Services) -> FastAPI:
    """All paths with their documentation; the guard goes around it."""
    api = FastAPI(
        title="Stillroom",
        version=services.version,
        description="The models of this computer, over HTTP.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    _handle_errors(api)

    @api.get("/health", tags=["stillroom"], summary="Whether the server answers")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": services.version}

    @api.get("/v1/models", tags=["openai"], summary="The models that can be asked")
    async def models() -> dict[str, Any]:
        return {
            "object": "list",
            "data": [
                {"id": model.id, "object": "model", "created": 0, "owned_by": "stillroom"}
                for model in services.models.all()
            ],
        }

    @api.post("/v1/chat/completions", tags=["openai"], summary="The next turn of a conversation")
    async def chat(request: Request, body: ChatRequest) -> Response:
        return await answer_chat(services, request, body)

    return api


def _handle_errors(api: FastAPI) -> None:
    @api.exception_handler(StillroomError)
    async def refused(request: Request, error: StillroomError) -> Response:
        return error_response(request.url.path, api_error(error))

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"] if step != "body")
        refusal = ApiError(
            400,
            "{place}: {reason}." if place else "{reason}.",
            code="invalid_request",
            param=place or None,
            place=place[:200],
            reason=str(first["msg"])[:500],
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
        return error_response(
            request.url.path, ApiError(503, "The model was unloaded before it could answer.")
        )
