"""Check that a GGUF file is a LoRA adapter that llama.cpp can load without ending the process.

What llama.cpp only asserts, in `llama_adapter_lora_init_impl` (src/llama-adapter.cpp) and when it multiplies,
is checked here first: the types of the metadata it reads, and that each pair of matrices goes together.
"""

import math
import os
from pathlib import Path
from typing import Any

from app.base.errors import EngineError
from app.engine.planning.gguf_shape import InitParams, declare_gguf
from converters.gguf.gguf_reader import GgufSummary, TensorInfo, inspect
from models.system.shown_text import shown

_FLOAT32 = 6
"""GGUF_TYPE_FLOAT32 of ggml/include/gguf.h."""

ALPHA = "adapter.lora.alpha"
INVOCATION = "adapter.alora.invocation_tokens"
MATRIX_TYPES = ("F32", "F16", "BF16", "Q8_0")
"""The types that the reference converter writes."""


def check_adapter(ggml: Any, path: Path, architecture: str) -> None:
    """Raise `GgufError` or `EngineError` unless `path` is a LoRA adapter for models of this architecture.

    `ggml` is the library's ctypes handle.
    """
    summary = inspect(path)
    if summary.text("general.type") != "adapter" or summary.text("adapter.type") != "lora":
        raise EngineError(
            "The file {file} is not a LoRA adapter.",
            "Choose an adapter's GGUF file; “stillroom build” makes one of a Hugging Face adapter's folder.",
            file=path.name,
        )
    found = summary.text("general.architecture")
    if found != architecture:
        raise EngineError(
            "The adapter {file} is for {found} models, but this model is of the kind {architecture}.",
            "Choose the model that it was trained for.",
            file=path.name,
            found=shown(found) or "?",
            architecture=architecture,
        )
    if INVOCATION in summary.metadata:
        raise EngineError(
            "The adapter {file} begins to act only after certain words, which Stillroom does not support.",
            "Choose an adapter without invocation tokens.",
            file=path.name,
        )
    alpha = summary.metadata.get(ALPHA, 0.0)
    if not isinstance(alpha, float) or not math.isfinite(alpha) or not _is_float32(ggml, path, ALPHA):
        raise _damaged(path, "The adapter {file} is damaged: its alpha is no number.")
    _check_pairs(path, summary)


def _check_pairs(path: Path, summary: GgufSummary) -> None:
    pairs: dict[str, dict[str, TensorInfo]] = {}
    for tensor in summary.tensors:
        name, _, part = tensor.name.rpartition(".")
        if part in ("lora_a", "lora_b"):
            pairs.setdefault(name, {})[part] = tensor
        elif not tensor.name.endswith("_norm.weight"):
            raise _damaged(
                path, "The adapter {file} is damaged: it holds the tensor {tensor}.", tensor=tensor.name
            )
    for name, pair in pairs.items():
        if len(pair) != 2:
            raise _damaged(
                path, "The adapter {file} is damaged: {tensor} has only one of its two matrices.", tensor=name
            )
        a, b = pair["lora_a"], pair["lora_b"]
        if len(a.shape) > 2 or len(b.shape) > 2 or {a.type, b.type} - set(MATRIX_TYPES):
            raise _damaged(path, "The adapter {file} is damaged: {tensor} has an unknown form.", tensor=name)
        # Shapes are in ggml's order. Embeddings are looked up, so their first matrix lies the other way.
        rank, width = (*a.shape, 1)[:2] if name == "token_embd.weight" else (*a.shape, 1)[1::-1]
        # A larger rank is no sum of less than the matrix itself: its file could be of any size.
        if rank != b.shape[0] or rank > max(width, (*b.shape, 1)[1]):
            raise _damaged(
                path,
                "The adapter {file} is damaged: the matrices of {tensor} do not go together.",
                tensor=name,
            )


def _is_float32(ggml: Any, path: Path, key: str) -> bool:
    """Tell whether a value is in F32, or missing: llama.cpp takes 0 then."""
    declare_gguf(ggml)
    context = ggml.gguf_init_from_file(os.fsencode(path), InitParams(True, None))
    if not context:
        return False
    try:
        index = ggml.gguf_find_key(context, key.encode())
        return bool(index < 0 or ggml.gguf_get_kv_type(context, index) == _FLOAT32)
    finally:
        ggml.gguf_free(context)


def _damaged(path: Path, message: str, **values: object) -> EngineError:
    return EngineError(message, "Download or build it again.", native="", file=path.name, **values)
