"""The key-value part of a GGUF file, in the order in which it is written.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Iterator, Sequence

from converters.gguf.gguf_types import ValueType

Scalar = bool | int | float | str

_PACKING = {
    ValueType.UINT32: "<I",
    ValueType.INT32: "<i",
    ValueType.FLOAT32: "<f",
    ValueType.BOOL: "<?",
}


class Metadata:
    """Keys with typed values. Setting a key again keeps its place. Empty strings and lists are left out."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[ValueType, ValueType | None, Scalar | Sequence[Scalar]]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[tuple[str, Scalar | Sequence[Scalar]]]:
        return ((key, value) for key, (_, _, value) in self._values.items())

    def set_uint32(self, key: str, value: int) -> None:
        """Set an unsigned 32-bit number."""
        self._values[key] = (ValueType.UINT32, None, value)

    def set_int32(self, key: str, value: int) -> None:
        """Set a signed 32-bit number."""
        self._values[key] = (ValueType.INT32, None, value)

    def set_float32(self, key: str, value: float) -> None:
        """Set a 32-bit floating-point number."""
        self._values[key] = (ValueType.FLOAT32, None, value)

    def set_bool(self, key: str, value: bool) -> None:
        """Set a truth value."""
        self._values[key] = (ValueType.BOOL, None, value)

    def set_string(self, key: str, value: str) -> None:
        """Set a text; an empty one is left out."""
        if value:
            self._values[key] = (ValueType.STRING, None, value)

    def set_strings(self, key: str, values: Sequence[str]) -> None:
        """Set a list of texts; an empty one is left out."""
        if values:
            self._values[key] = (ValueType.ARRAY, ValueType.STRING, values)

    def set_int32s(self, key: str, values: Sequence[int]) -> None:
        """Set a list of signed 32-bit numbers; an empty one is left out."""
        if values:
            self._values[key] = (ValueType.ARRAY, ValueType.INT32, values)

    def encoded(self) -> dict[str, bytes]:
        """Encode each value with its type, as it stands behind its key in the file."""
        return {key: _encode_typed(*value) for key, value in self._values.items()}


def encode_string(text: str) -> bytes:
    """Encode a length and the UTF-8 bytes."""
    # JSON can name half of a pair of surrogates.
    data = text.encode("utf-8", "replace")
    return struct.pack("<Q", len(data)) + data


def encode_uint32(value: int) -> bytes:
    """Encode an unsigned 32-bit number with its type."""
    return _encode_typed(ValueType.UINT32, None, value)


def encode_text(value: str) -> bytes:
    """Encode a text with its type."""
    return _encode_typed(ValueType.STRING, None, value)


def _encode_typed(kind: ValueType, item_kind: ValueType | None, value: Scalar | Sequence[Scalar]) -> bytes:
    out = bytearray(struct.pack("<I", kind))
    if item_kind is not None and isinstance(value, Sequence):
        out += struct.pack("<IQ", item_kind, len(value))
        for item in value:
            out += _encode(item_kind, item)
    else:
        out += _encode(kind, value)
    return bytes(out)


def _encode(kind: ValueType, value: object) -> bytes:
    return encode_string(str(value)) if kind is ValueType.STRING else struct.pack(_PACKING[kind], value)
