"""The tables of types are those of llama.cpp's own library."""

import gguf

from converters.gguf.file_type import type_name
from converters.gguf.gguf_layout import ALIGNMENT
from converters.gguf.gguf_types import TENSOR_TYPES, ValueType


def test_the_sizes_of_tensor_types_are_the_librarys() -> None:
    theirs = {kind.value: (kind.name, *gguf.GGML_QUANT_SIZES[kind]) for kind in gguf.GGMLQuantizationType}
    ours = {number: (kind.name, kind.block, kind.block_bytes) for number, kind in TENSOR_TYPES.items()}
    # No file holds it; a block of it is two halves and 32 bytes in ggml-common.h.
    assert theirs.pop(gguf.GGMLQuantizationType.Q8_1) == ("Q8_1", 32, 40)
    assert ours[gguf.GGMLQuantizationType.Q8_1] == ("Q8_1", 32, 36)
    assert {number: ours[number] for number in theirs} == theirs
    assert gguf.GGUF_DEFAULT_ALIGNMENT == ALIGNMENT


def test_the_types_of_values_and_files_are_the_librarys() -> None:
    assert {kind.name: kind.value for kind in ValueType} == {
        kind.name: kind.value for kind in gguf.GGUFValueType
    }
    named = {
        kind.value: kind.name.removeprefix("ALL_").removeprefix("MOSTLY_").removesuffix("_MOE")
        for kind in gguf.LlamaFileType
        if kind is not gguf.LlamaFileType.GUESSED
    }
    known = {number: type_name(number) for number in named if type_name(number)}
    assert known == {number: named[number] for number in known}
