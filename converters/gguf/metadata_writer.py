"""The key-value part of a GGUF file: `gguf.GGUFWriter` collects it, and here it is encoded.

The writer's own way to a file needs every tensor at hand, in the file's order; ours are quantised as they
arrive, into places that are known before a weight is read (`gguf_layout`).
"""

import struct

import gguf
from gguf import GGUFValueType

from converters.gguf.gguf_layout import encode_string

_PACKING = {
    GGUFValueType.UINT32: "<I",
    GGUFValueType.INT32: "<i",
    GGUFValueType.FLOAT32: "<f",
    GGUFValueType.BOOL: "<?",
}


def new_metadata(architecture: str = "") -> gguf.GGUFWriter:
    """Make an empty collection of keys with typed values; the architecture is the first where one is
    named."""
    return gguf.GGUFWriter(None, architecture)


def encoded(metadata: gguf.GGUFWriter) -> dict[str, bytes]:
    """Encode each value with its type, as it stands behind its key in the file."""
    [values] = metadata.kv_data
    return {key: encode_value(found.value, found.type) for key, found in values.items()}


def encode_value(value: object, kind: GGUFValueType) -> bytes:
    """Encode a value with its type; a list's items are all of the first one's."""
    if not isinstance(value, list):
        return struct.pack("<I", kind) + _plain(value, kind)
    item = GGUFValueType.get_type(value[0])
    head = struct.pack("<IIQ", kind, item, len(value))
    return head + b"".join(_plain(one, item) for one in value)


def _plain(value: object, kind: GGUFValueType) -> bytes:
    if kind is GGUFValueType.STRING:
        return encode_string(str(value))
    return struct.pack(_PACKING[kind], value)
