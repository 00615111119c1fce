"""The identity of a build: an earlier run is resumed only where its result would be the same."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from converters.build.output import Output
from converters.checkpoint.architectures import PlannedTensor


def build_identity(
    tensors: Sequence[PlannedTensor], outputs: Sequence[Output], checksums: Mapping[str, str]
) -> str:
    """Compute the identity of a build of `outputs` from `tensors`.

    A source file counts by its SHA-256 where `checksums` has it by name, else by its size and time.
    """
    digest = hashlib.sha256()
    for path in dict.fromkeys(tensor.source.file for tensor in tensors):
        digest.update(json.dumps([path.name, _content(path, checksums)]).encode())
    for tensor in tensors:
        stored = tensor.source
        place = [tensor.name, tensor.interleave_heads, stored.dtype, stored.file.name, stored.offset]
        digest.update(json.dumps(place).encode())
    for output in outputs:
        digest.update(output.layout.header)
        for name in sorted(output.importance):
            digest.update(name.encode() + output.importance[name].tobytes())
    versions = [importlib.metadata.version(name) for name in ("stillroom", "llama-cpp-python")]
    return f"stillroom build 1 {' '.join(versions)} {digest.hexdigest()}"


def _content(path: Path, checksums: Mapping[str, str]) -> list[str | int]:
    if path.name in checksums:
        return [checksums[path.name]]
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]
