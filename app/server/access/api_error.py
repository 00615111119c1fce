"""An error as the client of each API expects it."""

import math
from typing import TYPE_CHECKING

from app.base.errors import EngineError, RequestError, StillroomError
from app.filters.filter_file import FilterFileError
from app.filters.verdict import BlockedError

if TYPE_CHECKING:
    from starlette.responses import JSONResponse

OLLAMA = "/api/"
RESERVED_RETRY_S = 30
LONGEST_PARAM = 200

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class ApiError(StillroomError):
    """A request that is not served, with its HTTP status; `code` and `param` as in OpenAI's error object."""

    def __init__(
        self,
        status: int,
        message: str,
        hint: str = "",
        *,
        code: str = "",
        param: str | None = None,
        headers: dict[str, str] | None = None,
        **values: object,
    ) -> None:
        super().__init__(message, hint, **values)
        self.status = status
        self.code = code
        self.param = param
        self.headers = headers or {}

    @classmethod
    def of(cls, error: StillroomError, status: int, code: str, param: str | None = None) -> "ApiError":
        """The words of another error with a status."""
        refusal = cls(status, error.message, error.hint, code=code, param=param)
        refusal.values = error.values
        return refusal


def overloaded(retry_after_s: float) -> ApiError:
    """Too much is asked for at once."""
    return ApiError(
        429,
        "The model is busy: as many replies as Stillroom takes at once are running or waiting.",
        "Ask again in {seconds} s.",
        code="rate_limit_exceeded",
        headers={"Retry-After": str(math.ceil(retry_after_s))},
        seconds=math.ceil(retry_after_s),
    )


def measured_now() -> ApiError:
    """A benchmark runs."""
    return ApiError(
        503,
        "The model is being measured, and other replies would disturb that.",
        "Ask again when the benchmark is done.",
        code="model_reserved",
        headers={"Retry-After": str(RESERVED_RETRY_S)},
    )


def broken_off(*, server_stopped: bool = False) -> ApiError:
    """A reply ended in the middle, and not because its client wished it."""
    if server_stopped:
        return ApiError(503, "Stillroom's server was switched off.", code="server_stopped")
    return ApiError(503, "The model was unloaded before the reply had ended.", code="model_unloaded")


def api_error(error: StillroomError) -> ApiError:
    """Turn an error of the program's other parts into one for a client."""
    if isinstance(error, ApiError):
        return error
    if {"prompt_tokens", "context_tokens"} <= error.values.keys():
        status, code = 400, "context_length_exceeded"
    elif isinstance(error, RequestError):
        status, code = 400, "invalid_request"
    elif isinstance(error, EngineError):
        status, code = 503, "engine_error"
    elif isinstance(error, BlockedError):
        status, code = 400, "content_filter"
    elif isinstance(error, FilterFileError):
        status, code = 503, "filter_unusable"
    else:
        status, code = 400, "invalid_request"
    return ApiError.of(error, status, code)


def error_object(path: str, error: ApiError) -> dict[str, object]:
    """The JSON of an error in the shape of the API that `path` belongs to."""
    text = _one_line(" ".join(part for part in (str(error), error.hint_text()) if part))
    if path.startswith(OLLAMA):
        return {"error": text}
    return {
        "error": {
            "message": text,
            "type": _TYPES.get(error.status, "server_error" if error.status >= 500 else _TYPES[400]),
            "param": None if error.param is None else _one_line(error.param)[:LONGEST_PARAM],
            "code": error.code or None,
        }
    }


def _one_line(text: str) -> str:
    """`text` without what would move or colour a terminal's text: parts of it may be a client's."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def error_response(path: str, error: ApiError) -> "JSONResponse":
    """The answer to a request that is not served."""
    # The window knows these errors too, and starts without a web server.
    from starlette.responses import JSONResponse

    return JSONResponse(error_object(path, error), error.status, error.headers)
