"""Keep the progress of collecting an importance matrix, so that one that was stopped can resume.

A NumPy archive behind its SHA-256. The sums are kept in 64 bits, as they are added up: the matrix is the same
as without a stop.
"""

import hashlib
import io
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.system.durable import write_durably
from models.system.regular_file import open_regular

log = logging.getLogger(__name__)

SAVE_EVERY_S = 15.0
_CHECKSUM_BYTES = hashlib.sha256().digest_size
_BELONGS_TO, _CHUNKS, _SQUARES, _COUNTS = "belongs_to", "chunks", "squares/", "counts/"


@dataclass(frozen=True, slots=True)
class Collected:
    """The sums over `chunks` of the text: squared activations (1, columns) and tokens by tensor."""

    chunks: int
    squares: Mapping[str, npt.NDArray[np.float64]]
    counts: Mapping[str, int]


NOTHING = Collected(0, {}, {})


class UnfinishedMatrix:
    """The file at `path` for a collection that `belongs_to` describes: its model's weights and its text."""

    def __init__(self, path: Path, belongs_to: str) -> None:
        self._path = path
        self._belongs_to = belongs_to
        self._saved_s = time.monotonic()

    def read(self) -> Collected:
        """Read what an earlier collection of the same matrix got; `NOTHING` where none can be read."""
        try:
            with open_regular(self._path) as file:
                data = file.read()
        except FileNotFoundError:
            return NOTHING
        except OSError as error:
            log.warning("%s cannot be read, so the collection begins anew: %s", self._path, error)
            return NOTHING
        checksum, content = data[:_CHECKSUM_BYTES], data[_CHECKSUM_BYTES:]
        if checksum != hashlib.sha256(content).digest():
            log.warning("%s is damaged, so the collection begins anew", self._path)
            return NOTHING
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            if str(archive[_BELONGS_TO]) != self._belongs_to:
                return NOTHING
            names = [name.removeprefix(_SQUARES) for name in archive.files if name.startswith(_SQUARES)]
            return Collected(
                int(archive[_CHUNKS]),
                {name: archive[_SQUARES + name] for name in names},
                {name: int(archive[_COUNTS + name]) for name in names},
            )

    def keep(self, collected: Collected) -> None:
        """Write it to disk, at most once in `SAVE_EVERY_S`."""
        if time.monotonic() - self._saved_s < SAVE_EVERY_S:
            return
        arrays: dict[str, npt.NDArray[np.generic]] = {
            _BELONGS_TO: np.array(self._belongs_to),
            _CHUNKS: np.array(collected.chunks),
        }
        for name, squares in collected.squares.items():
            arrays[_SQUARES + name] = squares
            arrays[_COUNTS + name] = np.array(collected.counts[name])
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]  # its stub takes the names for other arguments
        try:
            write_durably(self._path, hashlib.sha256(content.getbuffer()).digest() + content.getvalue())
        except OSError as error:
            log.warning("%s cannot be written, so a stop would lose what is collected: %s", self._path, error)
        self._saved_s = time.monotonic()

    def remove(self) -> None:
        """Delete it; the collection is whole."""
        self._path.unlink(missing_ok=True)


def unfinished_path(matrix: Path) -> Path:
    """Return the file in which a collection into `matrix` keeps its progress."""
    return matrix.with_name(f"{matrix.stem}.unfinished{matrix.suffix}")
