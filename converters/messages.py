"""What the build process is asked and what it answers: one JSON object a line."""

import msgspec

from models.progress import Progress, Unit


class BuildRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The only line that the build process reads. `source` is a checkpoint's folder or a GGUF file.

    `imatrix` is the file of an importance matrix, or empty.
    """

    source: str
    types: list[str]
    out_dir: str
    name: str
    imatrix: str = ""


class BuiltFile(msgspec.Struct, frozen=True, kw_only=True):
    """A finished GGUF file."""

    path: str
    type: str
    sha256: str
    bytes: int


class Step(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """Where the build is; the fields are those of `models.progress.Progress`."""

    stage: str
    done: int
    total: int
    detail: str = ""
    bytes_per_s: float = 0.0
    remaining_s: float | None = None
    unit: Unit = "bytes"

    def progress(self) -> Progress:
        """The same, for the caller's listener."""
        return Progress(
            self.stage, self.done, self.total, self.detail, self.bytes_per_s, self.remaining_s, self.unit
        )


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="result"):
    """The end of a build that succeeded."""

    outputs: list[BuiltFile]
    peak_memory_bytes: int


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="error"):
    """The end of a build that did not: `kind` is the error's class, `message` and `hint` its templates."""

    kind: str
    message: str
    hint: str = ""
    values: dict[str, str | int | float] = {}
    native: str = ""
