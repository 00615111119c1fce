"""Messages to and from the build process: one JSON object a line.

Behind the request the parent says what of the coming files is there, each time as a
`models.hub.partial_file.Arrival`.
"""

from pathlib import Path
from typing import Any

import msgspec

from models.quantisation.chosen_mixture import ChosenMixture, is_chosen
from models.quantisation.quantisation_types import WEIGHED
from models.store.manifest import BuiltFile
from models.system.disk_space import DiskNeed
from models.system.progress import Progress


class ComingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A weight file of the checkpoint that comes while the build goes on; `header` is a copy of its header,
    None where the file itself is there already."""

    name: str
    bytes: int
    sha256: str = ""
    header: Path | None = None


class MatrixFile(msgspec.Struct, frozen=True):
    """An importance matrix to quantise with: its file, and what manifests say that it was collected over."""

    path: Path
    text: str

    def text_for(self, kind: str) -> str:
        """Return the text for a file of this type; empty where the type takes no matrix."""
        return self.text if kind in WEIGHED or is_chosen(kind) else ""


class BuildRequest(msgspec.Struct, frozen=True):
    """The first line that the build process reads: `source`, a checkpoint's folder or a GGUF file, becomes
    `<out_dir>/<name>-<TYPE>.gguf` of each of `types`.

    `matrix` weighs the types of four bits and less. Of the `coming` files the process uses what the parent
    has said to be there. With `keep_journal` a finished build that is asked for again is found done, until
    `discard_build` deletes the journal. A type that is the label of one of the `mixtures` is that mixture.
    """

    source: Path
    types: list[str]
    out_dir: Path
    name: str
    matrix: MatrixFile | None = None
    coming: list[ComingFile] = []
    keep_journal: bool = False
    mixtures: tuple[ChosenMixture, ...] = ()


class BuildResult(msgspec.Struct, frozen=True, kw_only=True, tag="result"):
    """The end of a build that succeeded: its files in the order of the types, and the process's peak."""

    outputs: list[BuiltFile]
    peak_memory_bytes: int


class Step(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """The progress of the work."""

    progress: Progress


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="error"):
    """The end of a build that did not: `kind` is the error's class, `message` and `hint` its templates."""

    kind: str
    message: str
    hint: str = ""
    values: dict[str, str | int | float] = {}
    native: str = ""
    disk_need: DiskNeed | None = None
    """The space that is missing, where a disk is full."""


class FilesNeeded(msgspec.Struct, frozen=True, kw_only=True, tag="needed"):
    """The build process's wish: of the coming files these, in this order; the others are used up."""

    files: list[str]


class FileUsed(msgspec.Struct, frozen=True, kw_only=True, tag="used"):
    """The build process needs a coming file no more."""

    file: str


def line_of(message: object) -> bytes:
    """Encode a message; its paths hold wherever the other process works."""
    return msgspec.json.encode(message, enc_hook=lambda path: str(path.absolute())) + b"\n"


def decoder_of(kinds: Any) -> msgspec.json.Decoder[Any]:
    """Make what decodes lines with messages of these types."""
    return msgspec.json.Decoder(kinds, dec_hook=lambda _, text: Path(text))
