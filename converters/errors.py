"""What converting and quantising can refuse."""

from models.errors import StillroomError


class CheckpointError(StillroomError):
    """A checkpoint that is damaged, incomplete or of a kind that Stillroom does not convert."""


class GgufError(StillroomError):
    """A GGUF file that is damaged or lies about its own contents."""


class BuildError(StillroomError):
    """A build that could not be finished, such as for want of disk space; `native` holds the last words of
    llama.cpp or of the build process, possibly empty."""

    def __init__(self, message: str, hint: str = "", *, native: str = "", **values: object) -> None:
        super().__init__(message, hint, **values)
        self.native = native


class DiskFullError(BuildError):
    """A build that stopped for want of disk space; it goes on once there is some."""
