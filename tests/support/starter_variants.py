"""The starter model with other metadata: no model of these kinds is small enough to install, and the metadata
is all that llama.cpp and Stillroom tell them by."""

import shutil
import struct
from pathlib import Path

from tests.support.engines import starter_path

HEADER = struct.Struct("<4sIQQ")
UINT32, STRING = 4, 8
ALIGNMENT = 32
METADATA_BYTES = 8 << 20
"""More than all of it takes."""

TEMPLATE_KEY = b"tokenizer.chat_template"
FIM_TOKENS = (3, 4, 5)
THINKING_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] }}"
    "{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
)


def write_embedding_model(path: Path) -> Path:
    """One that makes embeddings, by the mean."""
    return _write(path, _text(b"llama.pooling_type") + struct.pack("<II", UINT32, 1), 1)


def write_thinking_model(path: Path) -> Path:
    """One whose template opens a thinking block."""
    return _write(path, b"", 0, THINKING_TEMPLATE.encode())


def write_templated_model(path: Path, template: str) -> Path:
    """One with a chat template of its own."""
    return _write(path, b"", 0, template.encode())


def write_infill_model(path: Path) -> Path:
    """One that fills in the middle, with three of its control tokens."""
    entries = [
        _text(f"tokenizer.ggml.fim_{name}_token_id".encode()) + struct.pack("<II", UINT32, token)
        for name, token in zip(("pre", "suf", "mid"), FIM_TOKENS, strict=True)
    ]
    return _write(path, b"".join(entries), len(entries))


def _write(path: Path, added: bytes, entries_added: int, template: bytes = b"") -> Path:
    with Path(starter_path()).open("rb") as source, path.open("wb") as target:
        magic, version, tensors, entries = HEADER.unpack(source.read(HEADER.size))
        metadata = source.read(METADATA_BYTES)
        length = len(metadata)
        if template:
            key = _text(TEMPLATE_KEY) + struct.pack("<I", STRING)
            at = metadata.index(key) + len(key)
            (old,) = struct.unpack_from("<Q", metadata, at)
            metadata = metadata[:at] + _text(template) + metadata[at + 8 + old :]
        # The tensors must stay where the alignment wants them.
        padding = _text(b"test.padding") + struct.pack("<I", STRING)
        moved = len(metadata) - length + len(added) + len(padding) + 8
        added += padding + _text(b" " * (-moved % ALIGNMENT))
        target.write(HEADER.pack(magic, version, tensors, entries + entries_added + 1) + added + metadata)
        shutil.copyfileobj(source, target)
    return path


def _text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value
