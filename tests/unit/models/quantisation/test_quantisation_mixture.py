"""Our mixtures are llama.cpp's: its own dry run over every catalogue model's true shapes says the same."""

import ctypes
import os
import re
from collections.abc import Sequence
from pathlib import Path

import llama_cpp
import pytest

from converters.gguf.gguf_layout import TensorForm, lay_out
from converters.gguf.gguf_types import F32, FILE_TYPES, TYPE_NAMED
from converters.gguf.metadata_writer import encoded, new_metadata
from models.catalogue.catalogue import catalogue
from models.quantisation.file_size import mixture_model, tensor_types
from models.quantisation.model_shape import ModelShape
from models.quantisation.quantisation_mixture import BASE_TYPE, MixtureModel, mixture, place_in_file

# What the catalogue does not have: a 70B of the Qwen2 family, rows that 256 does not divide, a tied head over
# them, and a model of fewer than eight layers.
ODD_SHAPES = {
    "qwen2-72b": {"layers": 80, "heads": 64, "kv_heads": 8, "attention_bias": True},
    "llama-65b": {"layers": 80, "heads": 64, "kv_heads": 64},
    "qwen3-80-layers": {"layers": 80, "heads": 64, "kv_heads": 8, "qk_norm": True},
    "narrow": {"layers": 20, "hidden": 2880, "ffn": 2080, "heads": 12, "kv_heads": 3},
    "narrow-tied": {"layers": 17, "hidden": 576, "ffn": 1536, "heads": 9, "kv_heads": 3, "tied": True},
    "short": {"layers": 3, "heads": 4, "kv_heads": 2},
}


def odd_shape(values: dict[str, int | bool]) -> ModelShape:
    values = dict(values)
    tied = bool(values.pop("tied", False))
    usual = {"hidden": 8192, "ffn": 22016, "head_size": 64, "vocabulary": 1024}
    return ModelShape(**{**usual, **values, "tied_embeddings": tied})  # type: ignore[arg-type]


SHAPES = {model.key: model.shape for model in catalogue()} | {
    key: odd_shape(values) for key, values in ODD_SHAPES.items()
}


def write_without_weights(path: Path, shape: ModelShape) -> None:
    """A GGUF file of the shape in bf16 whose weights are a hole in the file."""
    model = mixture_model(shape)
    metadata = new_metadata()
    metadata.add_string("general.architecture", model.architecture)
    for key, value in (
        ("block_count", shape.layers),
        ("context_length", 4096),
        ("embedding_length", shape.hidden),
        ("feed_forward_length", shape.ffn),
        ("attention.head_count", shape.heads),
        ("attention.head_count_kv", shape.kv_heads),
    ):
        metadata.add_uint32(f"{model.architecture}.{key}", value)
    metadata.add_float32(f"{model.architecture}.attention.layer_norm_rms_epsilon", 1e-6)
    forms: dict[str, TensorForm] = {
        name: (lengths, TYPE_NAMED[kind]) for name, (lengths, kind) in tensor_types(shape, "BF16").items()
    }
    layout = lay_out(encoded(metadata), forms)
    with path.open("wb") as file:
        file.write(layout.header)
        file.truncate(layout.bytes)


def dry_run(path: Path, kind: str, *, has_imatrix: bool) -> dict[str, str]:
    """The type that llama.cpp would give each tensor, lower case."""
    lines: list[str] = []

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def on_log(level: int, text: bytes, user_data: ctypes.c_void_p) -> None:
        lines.append(text.decode("utf-8", "replace"))

    one = (ctypes.c_float * 1)(1.0)
    entry = llama_cpp.llama_cpp.llama_model_imatrix_data
    matrix = (entry * 2)(entry(b"none", one, 1), entry())
    llama_cpp.llama_log_set(on_log, ctypes.c_void_p(0))
    try:
        parameters = llama_cpp.llama_model_quantize_default_params()
        parameters.ftype = FILE_TYPES[kind]
        parameters.dry_run = True
        if has_imatrix:
            parameters.imatrix = matrix
        target = os.fsencode(path.with_suffix(".never"))
        failed = llama_cpp.llama_model_quantize(os.fsencode(path), target, ctypes.byref(parameters))
    finally:
        llama_cpp.llama_log_set(llama_cpp.llama_log_callback(0), ctypes.c_void_p(0))
    assert not failed, "".join(lines)
    return parsed(lines)


def parsed(lines: Sequence[str]) -> dict[str, str]:
    types = {}
    present = ""
    for line in "".join(lines).splitlines():
        match = re.match(r"\[ *\d+/ *\d+\] +(\S+) +- \[.*\], type = +(\w+),", line)
        if match:
            present = match[1]
            types[present] = match[2]
        match = re.search(r"MiB \((\w+)\)$", line)
        if match and present:
            types[present] = match[1]
    return types


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shapes")


@pytest.mark.parametrize("key", list(SHAPES))
def test_every_mixture_of_every_shape_is_llama_cpps(key: str, folder: Path) -> None:
    shape = SHAPES[key]
    path = folder / f"{key}.gguf"
    write_without_weights(path, shape)
    shapes = {name: lengths for name, (lengths, _) in tensor_types(shape, "BF16").items()}
    for kind in BASE_TYPE:
        for has_imatrix in (False, True):
            ours = mixture(kind, shapes, mixture_model(shape), has_imatrix=has_imatrix)
            theirs = dry_run(path, kind, has_imatrix=has_imatrix)
            assert list(theirs) == sorted(shapes, key=place_in_file)
            for name, theirs_type in theirs.items():
                expected = ours.get(name, F32.name)
                assert (name, expected.lower()) == (name, theirs_type.lower()), (kind, has_imatrix)


def test_a_model_without_a_head_gives_its_embedding_the_heads_type() -> None:
    shapes = {"token_embd.weight": (512, 256), "blk.0.attn_q.weight": (256, 256)}
    types = mixture("Q4_K_M", shapes, MixtureModel("llama", 1, 4, 4))
    assert types == {"token_embd.weight": "Q6_K", "blk.0.attn_q.weight": "Q4_K"}
