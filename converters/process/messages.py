"""Messages to and from the build process: one JSON object a line."""

import msgspec

from models.system.progress import Progress, Unit


class ComingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A weight file of the checkpoint that comes while the build goes on; `header` is a copy of its header,
    empty where the file itself is there already."""

    name: str
    bytes: int
    sha256: str = ""
    header: str = ""


class BuildRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The first line that the build process reads. `source` is a checkpoint's folder or a GGUF file.

    `imatrix` is the file of an importance matrix, or empty. Of the `coming` files it uses what the parent
    has said to be there. With `keep_journal` a finished build that is asked for again is found done.
    """

    source: str
    types: list[str]
    out_dir: str
    name: str
    imatrix: str = ""
    coming: list[ComingFile] = []
    keep_journal: bool = False


class BuiltFile(msgspec.Struct, frozen=True, kw_only=True):
    """A finished GGUF file."""

    path: str
    type: str
    sha256: str
    bytes: int


class Step(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """The progress of a build; the fields are those of `models.system.progress.Progress`."""

    stage: str
    done: int
    total: int
    detail: str = ""
    bytes_per_s: float = 0.0
    remaining_s: float | None = None
    unit: Unit = "bytes"

    def progress(self) -> Progress:
        """Return the same for the caller's listener."""
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


class FilesNeeded(msgspec.Struct, frozen=True, kw_only=True, tag="needed"):
    """The build process's wish: of the coming files these, in this order; the others are used up."""

    files: list[str]


class FileUsed(msgspec.Struct, frozen=True, kw_only=True, tag="used"):
    """The build process needs a coming file no more."""

    file: str


class FileArrived(msgspec.Struct, frozen=True, kw_only=True):
    """The parent's answer, as often as it changes: see `models.hub.arrival.Arrival`."""

    file: str
    bytes: int
    attempt: int
    verified: bool
