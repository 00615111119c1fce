"""Reads what offload planning needs from a GGUF file, with ggml's own reader (no tensor data)."""

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.base.errors import StillroomError
from app.engine.planning.file_shape import ModelShape, shape_from_gguf
from app.engine.planning.rope_scaling import RopeScaling, rope_scaling
from converters.gguf.gguf_reader import check_gguf
from models.quantisation.weights import TABLE

_INTEGERS: dict[int, Any] = {
    0: ctypes.c_uint8,
    1: ctypes.c_int8,
    2: ctypes.c_uint16,
    3: ctypes.c_int16,
    4: ctypes.c_uint32,
    5: ctypes.c_int32,
    10: ctypes.c_uint64,
    11: ctypes.c_int64,
}
"""enum gguf_type of ggml/include/gguf.h, the integer types."""

_FLOATS: dict[int, Any] = {6: ctypes.c_float, 12: ctypes.c_double}
_STRING = 8
_ARRAY = 9


class InitParams(ctypes.Structure):
    """`gguf_init_params` of ggml/include/gguf.h."""

    _fields_ = [("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p)]


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """A file's facts that a load is planned with; `shape` is None where a needed key is missing."""

    shape: ModelShape | None
    rope: RopeScaling


def read_facts(ggml: Any, path: Path) -> GgufFacts:
    """Read the facts of the model in `path`, empty where ggml cannot read it.

    `ggml` is the library's ctypes handle. The file must have passed `converters.gguf.gguf_reader.check_gguf`.
    """
    declare_gguf(ggml)
    context = ggml.gguf_init_from_file(os.fsencode(path), InitParams(True, None))
    if not context:
        return GgufFacts(None, RopeScaling(0))
    try:
        key = _find(ggml, context, b"general.architecture", _STRING)
        prefix = ggml.gguf_get_val_str(context, key) + b"." if key >= 0 else b"?"
        values: dict[str, int | float | str] = {}
        for index in range(ggml.gguf_get_n_kv(context)):
            name = ggml.gguf_get_key(context, index)
            if name.startswith(prefix):
                value = _value(ggml, context, index)
                if value is not None:
                    values[name[len(prefix) :].decode("utf-8", "replace")] = value
        tensors = [
            (
                ggml.gguf_get_tensor_name(context, index).decode("utf-8", "replace"),
                ggml.gguf_get_tensor_size(context, index),
            )
            for index in range(ggml.gguf_get_n_tensors(context))
        ]
        names = [name for name, _ in tensors]
        table = ggml.gguf_get_tensor_type(context, names.index(TABLE)) if TABLE in names else None
        table_type = ggml.ggml_type_name(table).decode().upper() if table is not None else ""
        key = _find(ggml, context, b"tokenizer.ggml.tokens", _ARRAY)
        vocabulary = ggml.gguf_get_arr_n(context, key) if key >= 0 else 0
        numbers = {name: value for name, value in values.items() if isinstance(value, int)}
        return GgufFacts(shape_from_gguf(numbers, tensors, vocabulary, table_type), rope_scaling(values))
    finally:
        ggml.gguf_free(context)


def read_draft_shape(ggml: Any, draft_path: str) -> ModelShape | None:
    """Read the shape of the draft model; None for none, or where its file cannot be read."""
    if not draft_path:
        return None
    path = Path(draft_path)
    try:
        check_gguf(path)
        return read_facts(ggml, path).shape
    except StillroomError:
        return None


def _find(ggml: Any, context: Any, name: bytes, kind: int) -> int:
    """Find the index of a value, negative for none of this type; ggml asserts the type of what it gives."""
    key = int(ggml.gguf_find_key(context, name))
    return key if key >= 0 and ggml.gguf_get_kv_type(context, key) == kind else -1


def _value(ggml: Any, context: Any, index: int) -> int | float | str | None:
    """Read a number or a text; of an array of integers the largest."""
    kind = ggml.gguf_get_kv_type(context, index)
    if kind == _STRING:
        return str(ggml.gguf_get_val_str(context, index).decode("utf-8", "replace"))
    for kinds, number in ((_INTEGERS, int), (_FLOATS, float)):
        if kind in kinds:
            pointer = ctypes.cast(ggml.gguf_get_val_data(context, index), ctypes.POINTER(kinds[kind]))
            return number(pointer[0])
    if kind == _ARRAY:
        kind, count = ggml.gguf_get_arr_type(context, index), ggml.gguf_get_arr_n(context, index)
        if kind in _INTEGERS and count:
            data = ctypes.cast(ggml.gguf_get_arr_data(context, index), ctypes.POINTER(_INTEGERS[kind]))
            return int(max(data[:count]))
    return None


def declare_gguf(ggml: Any) -> None:
    """Declare what is used of ggml's GGUF reader."""
    pointer, key = ctypes.c_void_p, ctypes.c_int64
    for name, result, arguments in (
        ("gguf_init_from_file", pointer, [ctypes.c_char_p, InitParams]),
        ("gguf_free", None, [pointer]),
        ("gguf_find_key", key, [pointer, ctypes.c_char_p]),
        ("gguf_get_n_kv", key, [pointer]),
        ("gguf_get_key", ctypes.c_char_p, [pointer, key]),
        ("gguf_get_kv_type", ctypes.c_int, [pointer, key]),
        ("gguf_get_arr_type", ctypes.c_int, [pointer, key]),
        ("gguf_get_arr_n", ctypes.c_size_t, [pointer, key]),
        ("gguf_get_arr_data", pointer, [pointer, key]),
        ("gguf_get_val_data", pointer, [pointer, key]),
        ("gguf_get_val_str", ctypes.c_char_p, [pointer, key]),
        ("gguf_get_n_tensors", key, [pointer]),
        ("gguf_get_tensor_name", ctypes.c_char_p, [pointer, key]),
        ("gguf_get_tensor_size", ctypes.c_size_t, [pointer, key]),
        ("gguf_get_tensor_type", ctypes.c_int, [pointer, key]),
        ("ggml_type_name", ctypes.c_char_p, [ctypes.c_int]),
    ):
        function = getattr(ggml, name)
        function.restype, function.argtypes = result, arguments
