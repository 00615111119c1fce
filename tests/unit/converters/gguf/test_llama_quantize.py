"""Our quantised files are, byte for byte, what llama_model_quantize makes of the full-precision ones."""

import ctypes
import os
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest

from converters.build.build_run import run_build
from converters.gguf.ggml_quantise import Floats
from converters.gguf.gguf_reader import inspect
from converters.gguf.gguf_types import FILE_TYPES
from converters.imatrix.imatrix_file import Importance
from converters.process.messages import BuildRequest
from models.quantisation.quantisation_mixture import BASE_TYPE
from models.quantisation.quantisation_types import WEIGHED
from models.system.progress import ignore_progress
from tests.support.tiny_models import TINY_MODELS


def slow(value: str) -> Any:
    """A value for the long runs only."""
    return pytest.param(value, marks=pytest.mark.faults)


STORED_AS = {key: model.dtype.upper() for key, model in TINY_MODELS.items()}


def ours(source: Path, types: list[str], out: Path, importance: Importance | None = None) -> dict[str, bytes]:
    request = BuildRequest(source=source, types=types, out_dir=out, name="ours")
    return {built.type: built.path.read_bytes() for built in run_build(request, ignore_progress, importance)}


def theirs(source: Path, kind: str, out: Path, importance: Importance | None = None) -> bytes:
    """Return what llama.cpp makes of the GGUF file `source`; metadata and data as llama-quantize has them."""
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = FILE_TYPES[kind]
    parameters.nthread = 2
    parameters.allow_requantize = True
    if importance is not None:
        entry = llama_cpp.llama_cpp.llama_model_imatrix_data
        columns = {name: np.ascontiguousarray(values) for name, values in importance.columns.items()}
        pointer = ctypes.POINTER(ctypes.c_float)
        entries = [
            entry(name.encode(), values.ctypes.data_as(pointer), values.size)
            for name, values in columns.items()
        ]
        parameters.imatrix = (entry * (len(entries) + 1))(*entries, entry())
        parameters.kv_overrides = overrides(importance)
    target = out / f"theirs-{kind}.gguf"
    assert not llama_cpp.llama_model_quantize(
        os.fsencode(source), os.fsencode(target), ctypes.byref(parameters)
    )
    return target.read_bytes()


def overrides(importance: Importance) -> "ctypes.Array[ctypes.Structure]":
    """The metadata that llama-quantize adds (tools/quantize/quantize.cpp)."""
    made = []
    for key, value in (
        ("file", importance.file),
        ("dataset", importance.dataset),
        ("entries_count", len(importance.columns)),
        ("chunks_count", importance.chunks),
    ):
        override = llama_cpp.llama_model_kv_override()
        override.key = f"quantize.imatrix.{key}".encode()
        if isinstance(value, str):
            override.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
            override.value.val_str = value.encode()
        else:
            override.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT
            override.value.val_i64 = value
        made.append(override)
    return (llama_cpp.llama_model_kv_override * (len(made) + 1))(*made)


def random_importance(gguf: Path) -> Importance:
    """Columns for every matrix of a layer and for the output, as an importance matrix has them."""
    rng = np.random.default_rng(4)
    columns: dict[str, Floats] = {
        tensor.name: (rng.standard_normal(tensor.shape[0]) ** 2).astype(np.float32)
        for tensor in inspect(gguf).tensors
        if len(tensor.shape) > 1 and tensor.name != "token_embd.weight"
    }
    return Importance("own.gguf", "calibration.txt", 7, columns)


@pytest.fixture(autouse=True)
def quiet() -> None:
    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def ignore_log(level: int, text: bytes, user_data: ctypes.c_void_p) -> None:
        pass

    quiet.kept = ignore_log  # type: ignore[attr-defined]  # llama.cpp holds on to it
    llama_cpp.llama_log_set(ignore_log, ctypes.c_void_p(0))


@pytest.mark.parametrize("key", [slow("qwen2"), "qwen3", slow("llama")])
def test_every_type_from_a_checkpoint(key: str, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    built = ours(checkpoints[key], [STORED_AS[key], *BASE_TYPE], tmp_path)
    for kind in BASE_TYPE:
        assert built[kind] == theirs(tmp_path / f"ours-{STORED_AS[key]}.gguf", kind, tmp_path), kind


@pytest.mark.parametrize("key", [slow("qwen2"), "qwen3", slow("llama")])
def test_every_weighed_type_with_an_importance_matrix(
    key: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    source = tmp_path / f"ours-{STORED_AS[key]}.gguf"
    ours(checkpoints[key], [STORED_AS[key], "Q8_0"], tmp_path)
    importance = random_importance(source)
    built = ours(checkpoints[key], [*BASE_TYPE], tmp_path, importance)
    plain = ours(checkpoints[key], ["Q4_K_M"], tmp_path / "plain")
    assert built["Q4_K_M"] != plain["Q4_K_M"]
    for kind in BASE_TYPE:
        used = importance if kind in WEIGHED else None
        assert built[kind] == theirs(source, kind, tmp_path, used), kind


@pytest.mark.parametrize("source_type", [slow("F16"), "Q8_0", slow("Q5_K_M"), slow("IQ4_XS")])
def test_every_type_from_a_gguf(source_type: str, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    ours(checkpoints["qwen3"], [source_type], tmp_path / "source")
    source = tmp_path / "source" / f"ours-{source_type}.gguf"
    built = ours(source, list(BASE_TYPE), tmp_path)
    for kind in BASE_TYPE:
        assert built[kind] == theirs(source, kind, tmp_path), kind
