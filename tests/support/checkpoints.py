"""True Hugging Face checkpoints for tests: the starter model's own, and small random ones of the real
shapes.

`rebuild_starter` turns SmolLM2-135M-Instruct's GGUF back into the checkpoint that it could have come from:
the weights dequantised to bf16, the q and k rows in transformers' order, its vocabulary as tokenizer.json.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from converters.gguf.gguf_reader import inspect

Tensors = dict[str, npt.NDArray[np.uint16]]
Weights = npt.NDArray[np.float32]

_HF_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def rebuild_starter(
    starter: Path,
    folder: Path,
    shards: int = 1,
    changed: Callable[[Weights, Any, str], Weights] | None = None,
) -> Path:
    """Write the starter's checkpoint into `folder` (made if missing), its weights in `shards` files. They are
    `changed`, which gets the weights of each tensor, its data in the file and its type."""
    reader = gguf.GGUFReader(starter)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    heads, kv_heads = fields["llama.attention.head_count"], fields["llama.attention.head_count_kv"]
    tensors: Tensors = {}
    for tensor in reader.tensors:
        name = _starter_name(tensor.name)
        weights = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if changed is not None:
            weights = changed(weights, tensor.data, tensor.tensor_type.name)
        if name.endswith("q_proj.weight"):
            weights = halves_of_heads(weights, heads)
        elif name.endswith("k_proj.weight"):
            weights = halves_of_heads(weights, kv_heads)
        tensors[name] = round_to_bf16(weights)
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder, tensors, shards)
    write_json(folder / "config.json", _starter_config(fields))
    write_json(folder / "generation_config.json", {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2})
    write_json(folder / "tokenizer.json", _starter_tokenizer(fields))
    write_json(folder / "tokenizer_config.json", _starter_tokenizer_config(fields))
    return folder


def write_starter_config(starter: Path, folder: Path) -> Path:
    """Write config.json alone into `folder` (made if missing), for what needs no weights."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", _starter_config(inspect(starter).metadata))
    return folder


def halves_of_heads(weights: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """llama.cpp's order of the q and k rows (pairs side by side) to transformers' (halves of each head)."""
    pairs = weights.reshape(heads, weights.shape[0] // heads // 2, 2, weights.shape[1])
    return pairs.swapaxes(1, 2).reshape(weights.shape)


def round_to_bf16(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """The bits of the nearest bf16 numbers, ties to even."""
    bits = np.ascontiguousarray(weights, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def write_weights(folder: Path, tensors: Tensors, shards: int = 1) -> None:
    """model.safetensors, or several files and their index. 16-bit integers are the bits of bf16 numbers."""
    names = sorted(tensors)
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors)
        return
    weight_map: dict[str, str] = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[shard::shards]}
        write_safetensors(folder / file, part)
        weight_map |= dict.fromkeys(part, file)
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    write_json(folder / "model.safetensors.index.json", index)


def write_safetensors(path: Path, tensors: dict[str, npt.NDArray[Any]]) -> None:
    """One safetensors file, its tensors in the order given."""
    dtypes = {"uint16": "BF16", "float16": "F16", "float32": "F32"}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, tensor in tensors.items():
        end = offset + tensor.nbytes
        header[name] = {
            "dtype": dtypes[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    data = json.dumps(header).encode()
    data += b" " * (-len(data) % 8)
    with path.open("wb") as file:
        file.write(len(data).to_bytes(8, "little") + data)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor).tobytes())


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")


def _starter_name(name: str) -> str:
    match = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    if match:
        return f"model.layers.{match[1]}.{_HF_NAMES[match[2]]}.weight"
    return {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}[name]


def _starter_config(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "max_position_embeddings": fields["llama.context_length"],
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": fields["llama.attention.head_count"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": int(fields["llama.rope.freq_base"]),
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "vocab_size": fields["llama.vocab_size"],
    }


def _starter_tokenizer(fields: dict[str, Any]) -> dict[str, Any]:
    tokens, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            added_token(index, tokens[index], special=True) for index, kind in enumerate(types) if kind == 3
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                byte_level(use_regex=True),
            ],
        },
        "post_processor": None,
        "decoder": byte_level(use_regex=True, add_prefix_space=True),
        "model": bpe_model(
            {token: index for index, token in enumerate(tokens)}, fields["tokenizer.ggml.merges"]
        ),
    }


def _starter_tokenizer_config(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "add_prefix_space": False,
        "bos_token": "<|im_start|>",
        "chat_template": fields["tokenizer.chat_template"],
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "model_max_length": fields["llama.context_length"],
        "pad_token": "<|im_end|>",
        "tokenizer_class": "GPT2Tokenizer",
        "unk_token": "<|endoftext|>",
    }


def added_token(token_id: int, content: str, *, special: bool) -> dict[str, Any]:
    """An entry of tokenizer.json's `added_tokens`."""
    return {
        "id": token_id,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": special,
    }


def byte_level(*, use_regex: bool, add_prefix_space: bool = False) -> dict[str, Any]:
    """A ByteLevel step of tokenizer.json."""
    return {
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def bpe_model(vocabulary: dict[str, int], merges: list[Any]) -> dict[str, Any]:
    """The `model` of tokenizer.json."""
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": vocabulary,
        "merges": merges,
    }
