"""Importance matrices: how much each column of a weight matrix counts, by the activations that it meets.

Read from and written to the files of llama-imatrix, its GGUF format and the older .dat; sizes are checked
against the file's before they are used.
https://github.com/ggml-org/llama.cpp/blob/master/tools/imatrix/imatrix.cpp
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from converters.gguf import gguf_checksum
from converters.gguf.gguf_layout import TensorForm, lay_out
from converters.gguf.gguf_reader import GgufSummary, ListSummary, TensorInfo, inspect
from converters.gguf.gguf_types import F32
from converters.system.errors import BuildError
from models.system.durable import write_durably
from models.system.regular_file import open_regular

# That of converters.gguf.ggml_quantise would load llama.cpp into the program itself.
Floats = npt.NDArray[np.float32]

_SUMS, _COUNTS = ".in_sum2", ".counts"
_MOST_BYTES = 128 << 20
"""Five times as many as for 70 billion weights."""

_MOST_NAME_BYTES = 1024
_MOST_TENSORS = 1 << 16
"""As of a GGUF file; each takes a thousand bytes of memory, and 20 in the older format."""
_WRONG = {
    _SUMS: "The importance matrix {file} is damaged: {tensor} has no 32-bit sums.",
    _COUNTS: "The importance matrix {file} is damaged: {tensor} has no 32-bit counts.",
}


@dataclass(frozen=True, slots=True)
class Importance:
    """An importance matrix: for each tensor by its GGUF name, how much each column of its rows counts.

    `file`, `dataset` and `chunks` say where it is from; they go into the metadata, as llama-quantize puts
    them there.
    """

    file: str
    dataset: str
    chunks: int
    columns: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Sums:
    """The squared activations of one tensor, summed over `counts` tokens: (matrices, columns)."""

    squares: Floats
    counts: npt.NDArray[np.int64]

    def means(self) -> Floats:
        """Return the means that quantising takes; a matrix that met no activation counts everything alike."""
        counts = self.counts[:, None].astype(np.float32)
        means = np.ones_like(self.squares)
        np.divide(self.squares, counts, out=means, where=counts > 0)
        return means.ravel()


@dataclass(frozen=True, slots=True)
class ImportanceMatrix:
    """The sums by tensor, over `chunks` of `chunk_tokens` of the texts named by `datasets`."""

    sums: Mapping[str, Sums]
    chunks: int
    chunk_tokens: int
    datasets: tuple[str, ...]

    def importance(self, file: str) -> Importance:
        """Return the form that quantising takes; `file` is what the built model's metadata names."""
        columns = {name: sums.means() for name, sums in self.sums.items()}
        return Importance(file, self.datasets[0] if self.datasets else "", self.chunks, columns)


def write_imatrix(matrix: ImportanceMatrix, path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Write `matrix` in llama-imatrix's GGUF format with `notes` in its metadata, whole or not at all."""
    # The program reads matrices, too, and does without the library then.
    import gguf

    from converters.gguf.metadata_writer import encoded, new_metadata

    metadata = new_metadata()
    metadata.add_type(gguf.GGUFType.IMATRIX)
    metadata.add_array(gguf.Keys.IMatrix.DATASETS, list(matrix.datasets))
    metadata.add_uint32(gguf.Keys.IMatrix.CHUNK_COUNT, matrix.chunks)
    metadata.add_uint32(gguf.Keys.IMatrix.CHUNK_SIZE, matrix.chunk_tokens)
    for key, note in (notes or {}).items():
        metadata.add_string(key, note)
    metadata.add_string(gguf_checksum.KEY, gguf_checksum.EMPTY)
    forms: dict[str, TensorForm] = {}
    data: list[Floats] = []
    for name in sorted(matrix.sums):
        sums = matrix.sums[name]
        forms[name + _SUMS] = (sums.squares.shape, F32)
        forms[name + _COUNTS] = ((len(sums.counts), 1), F32)
        data += [sums.squares, sums.counts.astype(np.float32)]
    layout = lay_out(encoded(metadata), forms)
    content = [layout.header]
    for place, values in zip(layout.places.values(), data, strict=True):
        content += [
            np.ascontiguousarray(values, "<f4").tobytes(),
            bytes(place.end - place.offset - place.bytes),
        ]
    write_durably(path, gguf_checksum.fill_in(b"".join(content)))


def read_imatrix(path: Path) -> ImportanceMatrix:
    """Read the matrix in a file of either format. Raises `BuildError` or `GgufError` with the reason."""
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                raise _damaged(path, "The importance matrix {file} is larger than that of any model.")
            is_gguf = file.read(4) == b"GGUF"
            if is_gguf and not gguf_checksum.is_sound(path):
                raise _damaged(path, "The importance matrix {file} is damaged: its checksum differs.")
            return _read_gguf(path, file) if is_gguf else _read_dat(path, file)
    except OSError as error:
        raise BuildError(
            "The importance matrix {file} cannot be read: {reason}.",
            "Check that it is there and that you may read it.",
            file=path.name,
            reason=error.strerror or str(error),
        ) from error


def _read_gguf(path: Path, file: BinaryIO) -> ImportanceMatrix:
    summary = inspect(path)
    tensors = {tensor.name: tensor for tensor in summary.tensors}
    sums: dict[str, Sums] = {}
    for name in sorted({name.removesuffix(_SUMS).removesuffix(_COUNTS) for name in tensors}):
        pair = [tensors.get(name + suffix) for suffix in (_SUMS, _COUNTS)]
        for tensor, message in zip(pair, _WRONG.values(), strict=True):
            if tensor is None or tensor.type != "F32":
                raise _damaged(path, message, tensor=name)
        squares, counts = (_values(file, tensor) for tensor in pair if tensor is not None)
        if len(squares) % len(counts):
            raise _damaged(
                path,
                "The importance matrix {file} is damaged: {tensor} has {sums} sums for {counts} counts.",
                tensor=name,
                sums=len(squares),
                counts=len(counts),
            )
        sums[name] = _checked(path, name, squares.reshape(len(counts), -1), counts)
    datasets = summary.metadata.get("imatrix.datasets")
    return _whole(
        path,
        sums,
        chunks=_whole_number(summary, "imatrix.chunk_count"),
        chunk_tokens=_whole_number(summary, "imatrix.chunk_size"),
        datasets=tuple(_named(str(text)) for text in datasets.first)
        if isinstance(datasets, ListSummary)
        else (),
    )


def _values(file: BinaryIO, tensor: TensorInfo) -> Floats:
    file.seek(tensor.offset)
    return np.frombuffer(file.read(tensor.bytes), "<f4").astype(np.float32)


def _whole_number(summary: GgufSummary, key: str) -> int:
    value = summary.metadata.get(key, 0)
    return value if isinstance(value, int) and value >= 0 else 0


def _read_dat(path: Path, file: BinaryIO) -> ImportanceMatrix:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)

    def take(count: int) -> bytes:
        if not 0 <= count <= size - file.tell():
            raise _damaged(path, "The importance matrix {file} is damaged: it claims more than it can hold.")
        return file.read(count)

    def number() -> int:
        return int(struct.unpack("<i", take(4))[0])

    sums: dict[str, Sums] = {}
    tensors = _at_least_one(path, number())
    if tensors > _MOST_TENSORS:
        raise _damaged(path, "The importance matrix {file} is damaged: it claims more than it can hold.")
    for _ in range(tensors):
        name_bytes = number()
        if name_bytes > _MOST_NAME_BYTES:
            raise _damaged(
                path,
                "The importance matrix {file} is damaged: a name is {bytes} bytes long.",
                bytes=name_bytes,
            )
        name = take(name_bytes).decode("utf-8", "replace")
        calls, count = number(), _at_least_one(path, number())
        # The values are means times the calls; a file without calls holds the means themselves.
        squares = np.frombuffer(take(4 * count), "<f4").astype(np.float32)
        sums[name] = _checked(path, name, squares.reshape(1, -1), np.array([max(calls, 1)], np.float32))
    chunks = number() if file.tell() < size else 0
    dataset = _named(take(number()).decode("utf-8", "replace")) if file.tell() < size else ""
    return _whole(path, sums, max(chunks, 0), 0, (dataset,) if dataset else ())


def _named(dataset: str) -> str:
    """Cut a text's name: it goes into the metadata of each model that is made with the matrix."""
    return dataset[:_MOST_NAME_BYTES]


def _at_least_one(path: Path, count: int) -> int:
    if count < 1:
        raise _damaged(path, "The importance matrix {file} is damaged: it holds no values.")
    return count


def _checked(path: Path, name: str, squares: Floats, counts: Floats) -> Sums:
    if not (np.isfinite(squares).all() and np.isfinite(counts).all()):
        raise _damaged(
            path,
            "The importance matrix {file} is damaged: {tensor} holds values that are no numbers.",
            tensor=name,
        )
    if (squares < 0).any() or (counts < 0).any():
        raise _damaged(
            path, "The importance matrix {file} is damaged: {tensor} holds negative sums.", tensor=name
        )
    return Sums(squares, np.rint(counts).astype(np.int64))


def _whole(
    path: Path, sums: dict[str, Sums], chunks: int, chunk_tokens: int, datasets: tuple[str, ...]
) -> ImportanceMatrix:
    if not sums:
        raise _damaged(path, "The importance matrix {file} is damaged: it holds no values.")
    return ImportanceMatrix(sums, chunks, chunk_tokens, datasets)


def _damaged(path: Path, message: str, **values: object) -> BuildError:
    hint = "Use another file, or let Stillroom collect one."
    return BuildError(message, hint, native="", file=path.name, **values)
