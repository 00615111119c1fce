"""The application's own errors; their base is in `models.system.errors`, below everything that raises it."""

from models.system.errors import Cancelled, StillroomError

__all__ = ["Cancelled", "EngineError", "RequestError", "StillroomError", "native_reason"]


class EngineError(StillroomError):
    """llama.cpp or its process failed; `native` holds its own last words, possibly empty."""

    def __init__(self, message: str, hint: str = "", *, native: str = "", **values: object) -> None:
        super().__init__(message, hint, **values)
        self.native = native


class RequestError(EngineError):
    """A request that cannot be answered by the model as it stands; another request can be."""


def native_reason(error: StillroomError) -> str:
    """The last line that llama.cpp or a child process said before the error; empty where there is none."""
    words = str(getattr(error, "native", "")).strip()
    return words.splitlines()[-1].strip() if words else ""
