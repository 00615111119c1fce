"""A GGUF file with a model's true shapes and types and no weights: its data is one hole, which takes no disk.

llama.cpp says what it would allocate for it, or computes with weights of zero, which takes as long as with
any others; it says nothing.
"""

from math import prod
from pathlib import Path

import gguf
import numpy as np

from models.catalogue.catalogue import CatalogueModel
from models.quantisation.file_size import tensor_types

_ARCHITECTURES = {"LlamaForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2", "Qwen3ForCausalLM": "qwen3"}


def write_hollow_gguf(path: Path, model: CatalogueModel, quantisation: str, *, speaks: bool = False) -> None:
    """Write `model` in `quantisation`, with the number of tokens in place of a vocabulary, or one that
    `speaks`: with as many tokens, which mean nothing, so that the engine loads it."""
    shape = model.shape
    writer = gguf.GGUFWriter(path, _ARCHITECTURES[model.architecture])
    writer.add_name(model.name)
    writer.add_block_count(shape.layers)
    writer.add_context_length(model.context_limit)
    writer.add_embedding_length(shape.hidden)
    writer.add_feed_forward_length(shape.ffn)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_size)
    writer.add_value_length(shape.head_size)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(shape.vocabulary)
    if speaks:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("default")
        writer.add_token_list([f"w{number}" for number in range(shape.vocabulary)])
        writer.add_token_merges(["w 1"])
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(1)
    else:
        writer.add_tokenizer_model("none")
    for name, (rows, kind) in tensor_types(shape, quantisation).items():
        raw = gguf.GGMLQuantizationType[kind]
        block, block_bytes = gguf.GGML_QUANT_SIZES[raw]
        size = prod(rows) // block * block_bytes
        # The writer wants the bytes' shape of a quantised tensor, the rows' length last.
        bytes_shape = (*rows[:-1], rows[-1] // block * block_bytes) if block > 1 else rows
        dtype = np.dtype(np.uint8) if block > 1 else np.dtype(np.float32 if kind == "F32" else np.float16)
        writer.add_tensor_info(name, bytes_shape, dtype, size, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    with path.open("r+b") as file:
        file.seek(0, 2)
        start = -(-file.tell() // 32) * 32
        sizes = [
            -(-_tensor_bytes(rows, kind) // 32) * 32
            for rows, kind in tensor_types(shape, quantisation).values()
        ]
        file.truncate(start + sum(sizes))


def _tensor_bytes(rows: tuple[int, ...], kind: str) -> int:
    block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    return int(prod(rows) // block * block_bytes)
