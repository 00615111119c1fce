"""A checkpoint of a catalogue model's true shape with random weights, for measuring.

    python -m tests.support.large_checkpoint FOLDER [--model r1-qwen-1.5b] [--shards N]

The settings and the tokenizer are those of the small checkpoint of the same family; what its vocabulary
lacks to the true size are words that no text is split into, so that a reply of any tokens has text.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.catalogue.catalogue import find
from models.quantisation.model_shape import ModelShape
from tests.support.checkpoints import round_to_bf16, write_json
from tests.support.tiny_models import TINY_MODELS, make_tiny_model

_FAMILIES = {"Qwen2ForCausalLM": "qwen2", "Qwen3ForCausalLM": "qwen3", "LlamaForCausalLM": "llama"}
HEAD = "lm_head.weight"
WEIGHTS = 0.03
"""The deviation of all weights but norms."""
SURE = 9.0
"""The deviation of the logits of a model that is sure: the best of 150,000 stands out."""


def make_large_checkpoint(folder: Path, key: str = "r1-qwen-1.5b", shards: int = 1) -> Path:
    """Write the checkpoint into `folder`, which must not exist; 3.55 GB for the smallest model."""
    model = find(key)
    assert model is not None
    return make_checkpoint(folder, model.architecture, model.shape, shards)


def make_checkpoint(
    folder: Path, architecture: str, shape: ModelShape, shards: int = 1, *, is_sure: bool = False
) -> Path:
    """Write one of any shape into `folder`, which must not exist; one that `is_sure` gives most of the
    probability to few tokens, as a trained model does, and not about the same to all."""
    with tempfile.TemporaryDirectory() as parent:
        family = _FAMILIES[architecture]
        small = make_tiny_model(family, Path(parent), words=shape.vocabulary - TINY_MODELS[family].vocabulary)
        for file in small.glob("*.safetensors*"):
            file.unlink()
        shutil.move(small, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    write_json(folder / "config.json", config | _dimensions(shape))
    head = SURE / shape.hidden**0.5 if is_sure else WEIGHTS
    _write_weights(folder, _tensors(shape), shards, head)
    return folder


def _dimensions(shape: ModelShape) -> dict[str, Any]:
    return {
        "hidden_size": shape.hidden,
        "intermediate_size": shape.ffn,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "num_hidden_layers": shape.layers,
        "head_dim": shape.head_size,
        "vocab_size": shape.vocabulary,
    }


def _tensors(shape: ModelShape) -> dict[str, tuple[int, ...]]:
    embedding = (shape.vocabulary, shape.hidden)
    tensors: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": embedding}
    names = {
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "attn_q_norm": "self_attn.q_norm",
        "attn_k_norm": "self_attn.k_norm",
    }
    for layer in range(shape.layers):
        for name, rows in shape.layer_matrices.items():
            tensors[f"model.layers.{layer}.{names[name]}.weight"] = rows
        for name, length in shape.layer_vectors.items():
            stem, _, ending = name.rpartition(".")
            tensors[f"model.layers.{layer}.{names[stem]}.{ending}"] = (length,)
    return {**tensors, "model.norm.weight": (shape.hidden,), HEAD: embedding}


def _write_weights(folder: Path, tensors: dict[str, tuple[int, ...]], shards: int, head: float) -> None:
    total = sum(2 * int(np.prod(shape)) for shape in tensors.values())
    parts: list[dict[str, tuple[int, ...]]] = [{}]
    written = 0
    for name, shape in tensors.items():
        if written >= total * len(parts) / shards and len(parts) < shards:
            parts.append({})
        parts[-1][name] = shape
        written += 2 * int(np.prod(shape))
    weight_map = {}
    rng = np.random.Generator(np.random.SFC64(15))
    for number, part in enumerate(parts, 1):
        file = f"model-{number:05}-of-{len(parts):05}.safetensors" if shards > 1 else "model.safetensors"
        _write_file(folder / file, part, rng, head)
        weight_map |= dict.fromkeys(part, file)
    if shards > 1:
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        write_json(folder / "model.safetensors.index.json", index)


def _write_file(
    path: Path, tensors: dict[str, tuple[int, ...]], rng: np.random.Generator, head: float
) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in tensors.items():
        end = offset + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    data = json.dumps(header).encode()
    data += b" " * (-len(data) % 8)
    with path.open("wb") as file:
        file.write(len(data).to_bytes(8, "little") + data)
        for name, shape in tensors.items():
            scale = head if name == HEAD else WEIGHTS
            for rows in range(0, shape[0], 4096):
                file.write(_random(rng, (min(4096, shape[0] - rows), *shape[1:]), scale).tobytes())


def _random(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> npt.NDArray[np.uint16]:
    weights = rng.standard_normal(shape, np.float32)
    return round_to_bf16(weights * np.float32(scale) if len(shape) > 1 else 1 + weights * np.float32(0.1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="r1-qwen-1.5b")
    parser.add_argument("--shards", type=int, default=1)
    options = parser.parse_args()
    print(make_large_checkpoint(options.folder, options.model, options.shards))


if __name__ == "__main__":
    main()
