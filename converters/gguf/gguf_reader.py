"""Read the header of a GGUF file, and check it against the file.

Every declared count, length, size and offset is checked against the file's length before it is used, and
before llama.cpp sees the file: files from the internet have made it read and write out of bounds
(CVE-2026-7482, CVE-2026-27940). Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from io import BytesIO
from math import prod
from pathlib import Path
from typing import BinaryIO

import msgspec

from converters.gguf.gguf_layout import ALIGNMENT, aligned
from converters.gguf.gguf_types import TENSOR_TYPES, ValueType
from converters.gguf.metadata_checks import check_keys, is_vector_of_model
from converters.system.errors import GgufError
from models.system.regular_file import open_regular

_FIXED = {
    ValueType.UINT8: "<B",
    ValueType.INT8: "<b",
    ValueType.UINT16: "<H",
    ValueType.INT16: "<h",
    ValueType.UINT32: "<I",
    ValueType.INT32: "<i",
    ValueType.FLOAT32: "<f",
    ValueType.BOOL: "<?",
    ValueType.UINT64: "<Q",
    ValueType.INT64: "<q",
    ValueType.FLOAT64: "<d",
}
_LENGTH = struct.Struct("<Q")
_TOKENS = "tokenizer.ggml.tokens"
_SHOWN_ITEMS = 16
_WINDOW_BYTES = 1 << 20
_MAX_HEADER_BYTES = 64 << 20
"""Four times the largest that is known, which has a vocabulary of 262,144 tokens."""

_MOST_ITEMS = 1 << 20
"""Of one list; twice as many as the merges of that model."""

_MOST_ITEMS_IN_ALL = 3 << 20
_MOST_ENTRIES = 1 << 16
_MAX_NAME_BYTES = 63  # GGML_MAX_NAME with its zero byte
_MAX_KEY_BYTES = 65535
_MAX_DIMENSIONS = 4

Value = bool | int | float | str


class TensorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor of a GGUF file. `shape` is in ggml's order, rows' length first; `offset` from the file's
    start.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    bytes: int
    offset: int


class ListSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A list of metadata: its length and its first items (all of them in a short one)."""

    type: str
    length: int
    first: list[Value]


class GgufSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A whole GGUF header."""

    version: int
    metadata: dict[str, Value | ListSummary]
    tensors: list[TensorInfo]
    bytes: int
    data_offset: int

    def text(self, key: str) -> str:
        """Return a text of the metadata; empty where it is missing or no text."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""


def check_gguf(path: Path) -> None:
    """Raise `GgufError` unless the file is a whole GGUF file; reads its header only."""
    inspect(path)


def inspect(path: Path) -> GgufSummary:
    """Read and check the header of a GGUF file. Raises `GgufError` that names what is wrong."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            file.seek(0)
            return _summary(_Reader(path, size, file))
    except OSError as error:
        raise GgufError(
            "The file {file} cannot be read: {reason}.",
            "Check that it is there and that you may read it.",
            file=path.name,
            reason=error.strerror or str(error),
        ) from error


def stated_architecture(name: str, start: bytes, size: int) -> str:
    """Return the architecture that a GGUF file of `size` bytes states in its first bytes; empty where it does
    not. Raises `GgufError` for a file that is none, or of another version."""
    reader = _Reader(Path(name), size, BytesIO(start))
    _, _, value_count = _counts(reader)
    try:
        for _ in range(value_count):
            key = reader.name(_MAX_KEY_BYTES)
            value = _value(reader, key)
            if key == "general.architecture":
                return value if isinstance(value, str) else ""
    except GgufError:
        # It lies further back, or what is wrong is told once the file is here.
        pass
    return ""


class _Reader:
    """A position in the header, of which a window is in memory; reading past the end of the file is refused
    before memory is asked for."""

    def __init__(self, path: Path, size: int, file: BinaryIO) -> None:
        self.path = path
        self.size = size
        self.position = 0
        self.items_left = _MOST_ITEMS_IN_ALL
        self._file = file
        self._window = b""
        self._window_start = 0

    def take(self, count: int, part: str = "") -> bytes:
        """Read the next `count` bytes."""
        self.require(count, part)
        start = self.position - self._window_start
        if start < 0 or start + count > len(self._window):
            self._file.seek(self.position)
            self._window = self._file.read(max(count, min(_WINDOW_BYTES, self.size - self.position)))
            self._window_start, start = self.position, 0
            if count > len(self._window):
                raise self._past_the_end(part)
        self.position += count
        return self._window[start : start + count]

    def skip(self, count: int, part: str = "") -> None:
        """Pass `count` bytes."""
        self.require(count, part)
        self.position += count

    def require(self, count: int, part: str = "") -> None:
        """Refuse to go on where less than `count` bytes are left."""
        if count > self.size - self.position:
            raise self._past_the_end(part)
        if self.position + count > _MAX_HEADER_BYTES:
            raise self.damaged("The GGUF file {file} is damaged: its header is longer than 64 MB.")

    def number(self, packing: str, part: str = "") -> int:
        """Read an unsigned number."""
        value: int = struct.unpack(packing, self.take(struct.calcsize(packing), part))[0]
        return value

    def text(self, part: str = "", limit: int | None = None) -> str:
        """Read a string with its length before it."""
        length = self.number("<Q", part)
        if limit is not None and length > limit:
            raise self.damaged(
                "The GGUF file {file} is damaged: a name in its header is {length} bytes long.", length=length
            )
        return self.take(length, part).decode("utf-8", "replace")

    def name(self, limit: int) -> str:
        """Read a key's or a tensor's name."""
        name = self.text(limit=limit)
        if not name.isprintable():
            raise self.damaged("The GGUF file {file} is damaged: it holds the name {part}.", part=repr(name))
        return name

    def texts(self, count: int, part: str, kept: int) -> list[bytes]:
        """Pass the next `count` strings; the first `kept` of them."""
        found: list[bytes] = []
        left = count
        while left:
            # Nearly all lie in the window; a vocabulary has hundreds of thousands of them.
            window, at = self._window, self.position - self._window_start
            end, last = len(window), len(window) - 8
            while left and 0 <= at <= last:
                start = at + 8
                stop = start + _LENGTH.unpack_from(window, at)[0]
                if stop > end:
                    break
                if len(found) < kept:
                    found.append(window[start:stop])
                at = stop
                left -= 1
            self.position = self._window_start + at
            if left:
                text = self.take(self.number("<Q", part), part)
                if len(found) < kept:
                    found.append(text)
                left -= 1
        return found

    def damaged(self, message: str, **values: object) -> GgufError:
        """Return the error to raise."""
        hint = "Download or build it again; a file that does not match its own header is not opened."
        return GgufError(message, hint, file=self.path.name, **values)

    def _past_the_end(self, part: str) -> GgufError:
        if not part:
            return self.damaged(
                "The GGUF file {file} is damaged: its header reaches past the end of the file."
            )
        return self.damaged(
            "The GGUF file {file} is damaged: {part} reaches past the end of the file.", part=part
        )


def _counts(reader: _Reader) -> tuple[int, int, int]:
    """Read the version, and the numbers of tensors and of metadata values."""
    if reader.size < 24 or reader.take(4) != b"GGUF":
        says_so = reader.path.suffix.lower() == ".gguf"
        raise GgufError(
            "The file {file} is not a GGUF file.",
            "Only its name says so, or it is damaged. Get it again, or choose another one."
            if says_so
            else "Choose a file of a model, which ends in .gguf.",
            file=reader.path.name,
        )
    version = reader.number("<I")
    if version >= 65536:
        raise GgufError(
            "The GGUF file {file} is for big-endian machines, which llama.cpp does not read here.",
            "Look for another file of this model, or build it again.",
            file=reader.path.name,
        )
    if version not in (2, 3):
        raise GgufError(
            "The GGUF file {file} has the format version {version}, which llama.cpp does not read here.",
            "Look for a newer file of this model, or build it again.",
            file=reader.path.name,
            version=version,
        )
    tensor_count, value_count = reader.number("<Q"), reader.number("<Q")
    # The shortest value takes 13 bytes, the shortest tensor 32: more cannot be in the file.
    if value_count > reader.size // 13 or tensor_count > reader.size // 32:
        raise reader.damaged("The GGUF file {file} is damaged: it claims more entries than it can hold.")
    if max(value_count, tensor_count) > _MOST_ENTRIES:
        raise reader.damaged("The GGUF file {file} is damaged: it holds more entries than any model.")
    return version, tensor_count, value_count


def _summary(reader: _Reader) -> GgufSummary:
    version, tensor_count, value_count = _counts(reader)
    metadata: dict[str, Value | ListSummary] = {}
    for _ in range(value_count):
        key = reader.name(_MAX_KEY_BYTES)
        if not key or key in metadata:
            raise reader.damaged(
                "The GGUF file {file} is damaged: the metadata key {part} is empty or occurs twice.",
                part=repr(key),
            )
        metadata[key] = _value(reader, key)
    check_keys(metadata, reader.damaged)
    _check_vocabulary(reader, metadata)
    alignment = metadata.get("general.alignment", ALIGNMENT)
    if type(alignment) is not int or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
        raise reader.damaged(
            "The GGUF file {file} is damaged: its alignment is {alignment}.", alignment=alignment
        )
    entries = [_tensor(reader) for _ in range(tensor_count)]
    data_offset = aligned(reader.position, alignment)
    return GgufSummary(
        version=version,
        metadata=metadata,
        tensors=_placed(reader, entries, data_offset, alignment),
        bytes=reader.size,
        data_offset=data_offset,
    )


def _value(reader: _Reader, key: str) -> Value | ListSummary:
    kind = _value_type(reader, key)
    if kind is not ValueType.ARRAY:
        return _scalar(reader, kind, key)
    item, count = _value_type(reader, key), reader.number("<Q", key)
    if item is ValueType.ARRAY:
        raise reader.damaged("The GGUF file {file} is damaged: {part} is a list of lists.", part=key)
    width = 8 if item is ValueType.STRING else struct.calcsize(_FIXED[item])
    reader.require(count * width, key)
    reader.items_left -= count
    if count > _MOST_ITEMS or reader.items_left < 0:
        raise reader.damaged(
            "The GGUF file {file} is damaged: {part} is longer than any vocabulary.", part=key
        )
    if item is ValueType.STRING:
        texts = reader.texts(count, key, count if key == _TOKENS else _SHOWN_ITEMS)
        if key == _TOKENS:
            _check_unique(reader, texts)
        shown: list[Value] = [text.decode("utf-8", "replace") for text in texts[:_SHOWN_ITEMS]]
    else:
        shown = [_scalar(reader, item, key) for _ in range(min(count, _SHOWN_ITEMS))]
        reader.skip((count - len(shown)) * width, key)
    return ListSummary(type=item.name.lower(), length=count, first=shown)


def _value_type(reader: _Reader, key: str) -> ValueType:
    number = reader.number("<I", key)
    if number not in set(ValueType):
        raise reader.damaged(
            "The GGUF file {file} is damaged: {part} has the unknown type {type}.", part=key, type=number
        )
    return ValueType(number)


def _scalar(reader: _Reader, kind: ValueType, key: str) -> Value:
    if kind is ValueType.STRING:
        return reader.text(key)
    packing = _FIXED[kind]
    value: Value = struct.unpack(packing, reader.take(struct.calcsize(packing), key))[0]
    return value


def _check_unique(reader: _Reader, tokens: list[bytes]) -> None:
    """Refuse two tokens of one text: llama.cpp finds each by its text up to a zero byte, and names the empty
    ones."""
    texts = [text for token in tokens if (text := token.partition(b"\0")[0])]
    if len(set(texts)) != len(texts):
        raise reader.damaged("The GGUF file {file} is damaged: it has two tokens of the same text.")


def _check_vocabulary(reader: _Reader, metadata: dict[str, Value | ListSummary]) -> None:
    tokens = metadata.get(_TOKENS)
    for key in ("tokenizer.ggml.token_type", "tokenizer.ggml.scores"):
        other = metadata.get(key)
        if (
            isinstance(tokens, ListSummary)
            and isinstance(other, ListSummary)
            and other.length != tokens.length
        ):
            raise reader.damaged(
                "The GGUF file {file} is damaged: {part} has {entries} entries for {tokens} tokens.",
                part=key,
                entries=other.length,
                tokens=tokens.length,
            )


def _tensor(reader: _Reader) -> TensorInfo:
    """Read a tensor's entry; its offset still counts from the start of the data."""
    name = reader.name(_MAX_NAME_BYTES)
    dimensions = reader.number("<I", name)
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise reader.damaged(
            "The GGUF file {file} is damaged: {part} has {count} dimensions.", part=name, count=dimensions
        )
    shape = tuple(reader.number("<Q", name) for _ in range(dimensions))
    kind = TENSOR_TYPES.get(reader.number("<I", name))
    if kind is None:
        raise reader.damaged("The GGUF file {file} is damaged: {part} has an unknown type.", part=name)
    if min(shape) == 0 or prod(shape) >= 2**63 or shape[0] % kind.block:
        raise reader.damaged("The GGUF file {file} is damaged: {part} has an impossible shape.", part=name)
    if is_vector_of_model(name, dimensions) and kind.name != "F32":
        raise reader.damaged(
            "The GGUF file {file} is damaged: {part} is of type {type}, but vectors are F32.",
            part=name,
            type=kind.name,
        )
    size = prod(shape) // kind.block * kind.block_bytes
    offset = reader.number("<Q", name)
    return TensorInfo(name=name, shape=shape, type=kind.name, bytes=size, offset=offset)


def _placed(reader: _Reader, entries: list[TensorInfo], start: int, alignment: int) -> list[TensorInfo]:
    """Return the tensors with offsets in the file; each directly follows the last, as llama.cpp demands."""
    names: set[str] = set()
    position = 0
    placed = []
    for entry in entries:
        if entry.name in names:
            raise reader.damaged(
                "The GGUF file {file} is damaged: the tensor {part} occurs twice.", part=entry.name
            )
        names.add(entry.name)
        if entry.offset != position:
            raise reader.damaged(
                "The GGUF file {file} is damaged: {part} does not lie where it should.", part=entry.name
            )
        if start + entry.offset + entry.bytes > reader.size:
            raise reader.damaged(
                "The GGUF file {file} is cut short: {part} reaches past the end.", part=entry.name
            )
        position = aligned(position + entry.bytes, alignment)
        placed.append(msgspec.structs.replace(entry, offset=start + entry.offset))
    return placed
