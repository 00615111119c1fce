"""The application's own errors; the base class lives in `models.errors`, below everything that raises it."""

from models.errors import Cancelled, StillroomError

__all__ = ["Cancelled", "EngineError", "StillroomError"]


class EngineError(StillroomError):
    """llama.cpp or its process failed; `native` holds its own last words, possibly empty."""

    def __init__(self, message: str, hint: str = "", *, native: str = "", **values: object) -> None:
        super().__init__(message, hint, **values)
        self.native = native
