"""The starter model as one that makes embeddings."""

import shutil
import struct
from pathlib import Path

from tests.support.engines import starter_path

HEADER = struct.Struct("<4sIQQ")
UINT32, STRING = 4, 8
ALIGNMENT = 32


def write_embedding_model(path: Path) -> Path:
    """Copy the starter to `path` with a pooling type (1, the mean) in its metadata: no embedding model is
    small enough to install, and this is all that makes one for llama.cpp."""
    pooling = text(b"llama.pooling_type") + struct.pack("<II", UINT32, 1)
    # What is put in front must keep the tensors where the alignment wants them.
    key = text(b"test.padding") + struct.pack("<I", STRING)
    filling = -(len(pooling) + len(key) + 8) % ALIGNMENT
    added = pooling + key + text(b" " * filling)
    with Path(starter_path()).open("rb") as source, path.open("wb") as target:
        magic, version, tensors, entries = HEADER.unpack(source.read(HEADER.size))
        target.write(HEADER.pack(magic, version, tensors, entries + 2) + added)
        shutil.copyfileobj(source, target)
    return path


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value
