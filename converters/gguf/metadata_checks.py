"""Check the metadata of a GGUF file that llama.cpp only asserts, which would end its process.

Each limit is an assertion in llama.cpp's src/llama-model.cpp, in src/llama-vocab.cpp (`impl::load`) or in
ggml's operators (ggml/src/ggml-cpu).
"""

import math
import re
from collections.abc import Callable, Mapping

from converters.system.errors import GgufError

MOST_LAYERS = 512
"""LLAMA_MAX_LAYERS of src/llama-hparams.h."""

_MOST_EXPERTS = 512
"""LLAMA_MAX_EXPERTS, there."""

_MOST_SCALING = 1e6
_SCALINGS = ("none", "linear", "yarn", "longrope")
_ARCHITECTURE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TURNS_WHOLE_HEADS = ("qwen2", "qwen3")

Damaged = Callable[..., GgufError]
"""Makes the error: a template, and its values."""


def check_keys(metadata: Mapping[str, object], damaged: Damaged) -> None:
    """Raise what `damaged` makes for the first value that a model cannot have; lists are not looked into.

    An adapter is not checked here: `app.engine.planning.adapter_file` checks it against its model.
    """
    if metadata.get("general.type") == "adapter":
        return
    for key in ("general.architecture", "general.type"):
        if key in metadata and not isinstance(metadata[key], str):
            raise _wrong(damaged, key)
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str):
        return
    if not _ARCHITECTURE.fullmatch(architecture):
        raise _wrong(damaged, "general.architecture")
    prefix = f"{architecture}."
    values = {key.removeprefix(prefix): value for key, value in metadata.items() if key.startswith(prefix)}
    for name in _impossible(architecture, values):
        raise _wrong(damaged, prefix + name)


def is_vector_of_model(name: str, dimensions: int) -> bool:
    """Tell whether a tensor is added to or multiplied with activations, which must be in F32."""
    return dimensions == 1 and name.endswith(("norm.weight", ".bias"))


def _impossible(architecture: str, values: Mapping[str, object]) -> list[str]:
    """List the keys, without the architecture, whose values a model cannot have."""
    found = [key for key, value in values.items() if isinstance(value, float) and not math.isfinite(value)]
    found += [key for key, value in values.items() if key.endswith("epsilon") and not _within(value, 0, 1)]

    def limit(key: str, least: float, most: float) -> None:
        if key in values and not _within(values[key], least, most):
            found.append(key)

    limit("block_count", 1, MOST_LAYERS)
    limit("rope.scaling.factor", 0, _MOST_SCALING)
    limit("rope.scale_linear", 0, _MOST_SCALING)
    limit("nextn_predict_layers", 0, _count(values, "block_count"))
    experts = _count(values, "expert_count")
    limit("expert_count", 0, _MOST_EXPERTS)
    limit("expert_used_count", 1 if experts else 0, experts)
    if experts and "expert_used_count" not in values:
        found.append("expert_used_count")
    if values.get("rope.scaling.type", "none") not in _SCALINGS:
        found.append("rope.scaling.type")
    heads, width = _count(values, "attention.head_count"), _count(values, "embedding_length")
    head = _count(values, "attention.key_length") or (width // heads if heads else 0)
    if architecture in _TURNS_WHOLE_HEADS and head:
        limit("rope.dimension_count", head, head)
    return found


def _within(value: object, least: float, most: float) -> bool:
    """Tell whether a single number lies between the two; what is none of these is llama.cpp's to refuse."""
    return not isinstance(value, int | float) or isinstance(value, bool) or least <= value <= most


def _count(values: Mapping[str, object], key: str) -> int:
    value = values.get(key, 0)
    return value if isinstance(value, int) else 0


def _wrong(damaged: Damaged, key: str) -> GgufError:
    return damaged("The GGUF file {file} is damaged: {part} has a value that no model has.", part=key)
