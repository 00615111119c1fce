"""Errors of converting and quantising."""

from models.system.errors import StillroomError
from models.system.shown_text import shown

_LONGEST_VALUE = 300


class _FileError(StillroomError):
    """A fault in a file from outside; text from the file is cut and cleaned for the message."""

    def __init__(self, message: str, hint: str = "", **values: object) -> None:
        super().__init__(message, hint, **{key: _fit_for_a_sentence(value) for key, value in values.items()})


class CheckpointError(_FileError):
    """A checkpoint that is damaged, incomplete or of a kind that Stillroom does not convert."""


class GgufError(_FileError):
    """A GGUF file that is damaged or lies about its own contents."""


class BuildError(_FileError):
    """A build that could not be finished, such as for want of disk space; `native` holds the last words of
    llama.cpp or of the build process, possibly empty."""

    def __init__(self, message: str, hint: str = "", *, native: str = "", **values: object) -> None:
        super().__init__(message, hint, **values)
        self.native = native


def _fit_for_a_sentence(value: object) -> object:
    if isinstance(value, int | float) and abs(value) < 1e30:
        return value
    if isinstance(value, int):
        return "a number of very many digits"
    return shown(str(value), _LONGEST_VALUE)
