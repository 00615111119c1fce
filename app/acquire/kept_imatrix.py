"""Importance matrices that are kept beside a model: collected once, used again for the same weights.

The file is in llama-imatrix's own format, so llama-quantize reads it too. What it belongs to stands in its
metadata, under keys that llama.cpp leaves alone; for other weights or another text it is not used.
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from converters.gguf import gguf_checksum
from converters.gguf.gguf_reader import ListSummary, inspect
from converters.process.messages import MatrixFile
from converters.system.errors import BuildError, GgufError
from models.store.store import KEPT_SUFFIX
from models.system.hashing import file_sha256
from models.system.json_file import tell_set_aside

log = logging.getLogger(__name__)

MATRIX_NAME = f"importance{KEPT_SUFFIX}"
"""In the store, beside the types of a model."""

_WEIGHTS, _TEXT, _WITH = "stillroom.weights_sha256", "stillroom.text_sha256", "stillroom.collected_with"

_SHOWN_DIGITS = 16
"""Of a SHA-256: nobody else's file has the same by chance."""


@dataclass(frozen=True, slots=True)
class KeptMatrix:
    """A matrix on disk that Stillroom has collected; the hashes are those of what it belongs to, and
    `collected_with` is the type of the file that read the text."""

    path: Path
    bytes: int
    text: str
    chunks: int
    weights_sha256: str
    text_sha256: str
    collected_with: str

    @property
    def matrix(self) -> MatrixFile:
        """Return the same, to quantise with."""
        return MatrixFile(self.path, collected_over(self.text, self.chunks))


def collected_over(text: str, chunks: int) -> str:
    """Describe, for manifests, a matrix that was collected over so many chunks of a text."""
    return f"{text}, {chunks} chunks"


def given(path: Path) -> str:
    """Describe, for manifests, a matrix that the user gave: the same name may hold another one later. Blocks;
    raises `OSError`."""
    return f"{path.name}, sha256 {file_sha256(path)[:_SHOWN_DIGITS]}"


def notes(weights_sha256: str, text_sha256: str, collected_with: str) -> dict[str, str]:
    """Make the metadata of a matrix file, which `kept_matrix` reads."""
    return {_WEIGHTS: weights_sha256, _TEXT: text_sha256, _WITH: collected_with}


def weights_fingerprint(checksums: Iterable[str]) -> str:
    """Return one hash of a model's weights by those of its files, whatever they are called."""
    return hashlib.sha256(" ".join(sorted(checksums)).encode()).hexdigest()


def kept_matrix(path: Path) -> KeptMatrix | None:
    """Give what the file `path` says of itself; None where Stillroom has collected none there.

    A damaged one is set aside, and the user told. Blocks: it is read whole.
    """
    if not path.is_file():
        return None
    try:
        values = inspect(path).metadata
        reason = "" if gguf_checksum.is_sound(path) else "its checksum differs"
    except (GgufError, OSError) as error:
        reason = str(error)
    if reason:
        without = "The importance matrix is collected again when a build needs it."
        tell_set_aside(path, reason, without=without)
        return None
    datasets, chunks = values.get("imatrix.datasets"), values.get("imatrix.chunk_count")
    if _WEIGHTS not in values or not isinstance(datasets, ListSummary) or not isinstance(chunks, int):
        return None
    weights, text, collected_with = (str(values.get(key, "")) for key in (_WEIGHTS, _TEXT, _WITH))
    return KeptMatrix(
        path, path.stat().st_size, str(datasets.first[0]), chunks, weights, text, collected_with
    )


def fitting_matrix(path: Path, weights_sha256: str, text_sha256: str) -> KeptMatrix | None:
    """Return the matrix in the file `path` where it is sound and belongs to these weights and this text."""
    from converters.imatrix.imatrix_file import (
        read_imatrix,
    )  # it brings numpy along, which the window's start does without

    kept = kept_matrix(path)
    if kept is None or (kept.weights_sha256, kept.text_sha256) != (weights_sha256, text_sha256):
        return None
    try:
        read_imatrix(path)
    except BuildError as error:
        log.warning("%s", error)
        return None
    return kept
