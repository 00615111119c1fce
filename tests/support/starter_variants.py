"""The starter model with other metadata: no model of these kinds is small enough to install, and the metadata
is all that llama.cpp and Stillroom tell them by."""

import os
import shutil
import struct
from pathlib import Path

from converters.gguf.gguf_reader import inspect
from tests.support.engines import starter_path

HEADER = struct.Struct("<4sIQQ")
UINT32, STRING = 4, 8
ALIGNMENT = 32
BUILD = Path(__file__).parents[2] / "build"
LAYERS = 2
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


def write_thinking_model(path: Path, source: str = "") -> Path:
    """One whose template opens a thinking block; of the file `source`, else of the starter."""
    return _write(path, b"", 0, THINKING_TEMPLATE.encode(), source)


def write_templated_model(path: Path, template: str) -> Path:
    """One with a chat template of its own."""
    return _write(path, b"", 0, template.encode())


def write_unreadable_model(path: Path) -> Path:
    """One whose header is in order, and whose kind of tokenizer llama.cpp does not know."""
    content = Path(starter_path()).read_bytes()
    kind = _text(b"tokenizer.ggml.model") + struct.pack("<I", STRING)
    path.write_bytes(content.replace(kind + _text(b"gpt2"), kind + _text(b"what"), 1))
    return path


def write_infill_model(path: Path) -> Path:
    """One that fills in the middle, with three of its control tokens."""
    entries = [
        _text(f"tokenizer.ggml.fim_{name}_token_id".encode()) + struct.pack("<II", UINT32, token)
        for name, token in zip(("pre", "suf", "mid"), FIM_TOKENS, strict=True)
    ]
    return _write(path, b"".join(entries), len(entries))


def shallow_path() -> str:
    """The starter's first layers, for what holds of any model: it computes a fifth, and what it says is no
    language. Made once, in `build/`."""
    starter = Path(starter_path())
    place = BUILD / f"starter-{LAYERS}-layers-of-{starter.stat().st_size}.Q4_1.gguf"
    if not place.exists():
        BUILD.mkdir(exist_ok=True)
        part = place.with_suffix(f".{os.getpid()}")
        write_shallow_model(part, LAYERS).rename(place)
    return str(place)


def write_shallow_model(path: Path, layers: int) -> Path:
    """One of the first layers only."""
    starter = Path(starter_path())
    summary = inspect(starter)
    with starter.open("rb") as source, path.open("wb") as target:
        magic, version, _, entries = HEADER.unpack(source.read(HEADER.size))
        header = source.read(summary.data_offset - HEADER.size)
        at = header.rindex(_text(summary.tensors[0].name.encode()))
        metadata, table = bytearray(header[:at]), header[at:]
        key = _text(b"llama.block_count") + struct.pack("<I", UINT32)
        struct.pack_into("<I", metadata, metadata.index(key) + len(key), layers)
        kept, infos, place = [], b"", 0
        for tensor in summary.tensors:
            length = 8 + len(tensor.name) + 4 + 8 * len(tensor.shape) + 4
            info, table = table[:length], table[length + 8 :]
            if tensor.name.startswith("blk.") and int(tensor.name.split(".")[1]) >= layers:
                continue
            kept.append(tensor)
            infos += info + struct.pack("<Q", place)
            place += tensor.bytes + -tensor.bytes % ALIGNMENT
        target.write(HEADER.pack(magic, version, len(kept), entries) + metadata + infos)
        for tensor in kept:
            target.write(bytes(-target.tell() % ALIGNMENT))
            source.seek(tensor.offset)
            target.write(source.read(tensor.bytes))
    return path


def _write(path: Path, added: bytes, entries_added: int, template: bytes = b"", file: str = "") -> Path:
    with Path(file or starter_path()).open("rb") as source, path.open("wb") as target:
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
