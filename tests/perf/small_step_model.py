"""A model whose step takes a millisecond or a few: random weights behind a vocabulary of R1's size.

A card draws 500 to 1,000 tokens of a small model in a second; this imitates its steps on a processor. The
logits of a step are spread as a language model's are, so that some hundred of 152,064 tokens are likely.
"""

from pathlib import Path

import gguf
import numpy as np
from gguf.quants import quantize

from tests.perf.padded_model import R1_VOCABULARY

HEAD_SIZE = 32
SPREAD = 7.5
"""Standard deviation of the logits. Of as many tokens in normal distribution, 600 lie near the largest."""


def write_small_step_model(target: Path, *, hidden: int, layers: int, context_tokens: int) -> None:
    """Write a model of these sizes; the same ones make the same file."""
    random = np.random.default_rng(26)
    heads, ffn = hidden // HEAD_SIZE, 4 * hidden
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_name("Small step")
    writer.add_block_count(layers)
    writer.add_context_length(context_tokens)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(ffn)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(R1_VOCABULARY)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([f"w{number}" for number in range(R1_VOCABULARY)])
    writer.add_token_merges(["w 1"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)

    def add(name: str, rows: int, columns: int, scale: float = 1.0) -> None:
        values = random.standard_normal((rows, columns), np.float32) * np.float32(scale / columns**0.5)
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)

    def add_norm(name: str, scale: float = 1.0) -> None:
        writer.add_tensor(name, np.full(hidden, scale, np.float32))

    add("token_embd.weight", R1_VOCABULARY, hidden, hidden**0.5)
    for layer in range(layers):
        add_norm(f"blk.{layer}.attn_norm.weight")
        add_norm(f"blk.{layer}.ffn_norm.weight")
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{name}.weight", hidden, hidden)
        for name in ("ffn_gate", "ffn_up"):
            add(f"blk.{layer}.{name}.weight", ffn, hidden)
        add(f"blk.{layer}.ffn_down.weight", hidden, ffn)
    add_norm("output_norm.weight", SPREAD)
    add("output.weight", R1_VOCABULARY, hidden)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
