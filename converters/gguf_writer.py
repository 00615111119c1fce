"""Writing a GGUF file as a stream: the header first, then each tensor at its place, in bounded memory."""

import os
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from converters.gguf_metadata import Metadata, encode_string
from converters.gguf_types import TensorType, aligned

MAGIC = b"GGUF"
VERSION = 3


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """To write: `shape` is row-major (GGUF stores it reversed), `chunks` gives its bytes in order."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    chunks: Callable[[], Iterable[bytes | memoryview]]

    @property
    def size(self) -> int:
        """Bytes of the tensor, without padding."""
        return prod(self.shape) // self.type.block * self.type.block_bytes


def header_bytes(metadata: Metadata, tensors: Sequence[TensorEntry]) -> bytes:
    """Everything before the tensor data, padded to the alignment."""
    out = bytearray(MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(metadata)))
    out += metadata.encode()
    offset = 0
    for tensor in tensors:
        out += encode_string(tensor.name) + struct.pack("<I", len(tensor.shape))
        out += struct.pack(f"<{len(tensor.shape)}Q", *reversed(tensor.shape))
        out += struct.pack("<IQ", tensor.type.number, offset)
        offset += aligned(tensor.size)
    return bytes(out) + bytes(aligned(len(out)) - len(out))


def file_bytes(metadata: Metadata, tensors: Sequence[TensorEntry]) -> int:
    """How long the whole file will be."""
    return len(header_bytes(metadata, tensors)) + sum(aligned(tensor.size) for tensor in tensors)


def write_gguf(
    path: Path,
    metadata: Metadata,
    tensors: Sequence[TensorEntry],
    on_bytes: Callable[[int, str], None],
) -> None:
    """Write `path`, a working file that the caller renames: streamed, then synced.

    `on_bytes(count, tensor)` is told of every chunk that was written. A failure leaves the file to the
    caller.
    """
    with path.open("wb") as file:
        header = header_bytes(metadata, tensors)
        file.write(header)
        on_bytes(len(header), "")
        for tensor in tensors:
            written = 0
            for chunk in tensor.chunks():
                count = file.write(chunk)
                written += count
                on_bytes(count, tensor.name)
            if written != tensor.size:
                raise AssertionError(f"{tensor.name}: {written} bytes written, {tensor.size} planned")
            file.write(bytes(aligned(written) - written))
        file.flush()
        os.fsync(file.fileno())
