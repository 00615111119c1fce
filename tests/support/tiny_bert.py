"""A BERT of two layers with random weights, as GGUF: most embedding models are encoders of this kind, and
none is small enough to install."""

from pathlib import Path

import gguf
import numpy as np

HIDDEN, HEADS, FEED_FORWARD, LAYERS, CONTEXT_TOKENS = 32, 4, 64, 2, 128
WORDS = ("the", "cat", "sleeps", "dog", "runs", "law", "tax")
UNKNOWN, CLS, SEP, PAD = 0, 1, 2, 3


def write_bert_model(path: Path) -> Path:
    """The same file each time; it takes the vector of its first token."""
    random = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("Tiny BERT")
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.CLS)
    _add_words(writer)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, random.standard_normal(shape, dtype=np.float32) * 0.3)

    def add_norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(HIDDEN, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(HIDDEN, np.float32))

    add("token_embd.weight", 4 + len(WORDS) + 26, HIDDEN)
    add("token_types.weight", 2, HIDDEN)
    add("position_embd.weight", CONTEXT_TOKENS, HIDDEN)
    add_norm("token_embd_norm")
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{part}.weight", HIDDEN, HIDDEN)
            add(f"blk.{layer}.{part}.bias", HIDDEN)
        add_norm(f"blk.{layer}.attn_output_norm")
        add(f"blk.{layer}.ffn_up.weight", FEED_FORWARD, HIDDEN)
        add(f"blk.{layer}.ffn_up.bias", FEED_FORWARD)
        add(f"blk.{layer}.ffn_down.weight", HIDDEN, FEED_FORWARD)
        add(f"blk.{layer}.ffn_down.bias", HIDDEN)
        add_norm(f"blk.{layer}.layer_output_norm")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_words(writer: gguf.GGUFWriter) -> None:
    """A word-piece vocabulary: words, and letters for the rest."""
    # llama.cpp writes the space in front of a word as U+2581, as the converter does.
    pieces = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", *(f"\u2581{word}" for word in WORDS)]
    pieces += [f"\u2581{chr(ord('a') + place)}" for place in range(26)]
    control = gguf.TokenType.CONTROL
    types = [gguf.TokenType.UNKNOWN, control, control, control]
    types += [gguf.TokenType.NORMAL] * (len(pieces) - 4)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(pieces)
    writer.add_token_types(types)
    writer.add_token_type_count(2)
    writer.add_unk_token_id(UNKNOWN)
    writer.add_bos_token_id(CLS)
    writer.add_sep_token_id(SEP)
    writer.add_eos_token_id(SEP)
    writer.add_pad_token_id(PAD)
    writer.add_mask_token_id(UNKNOWN)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)
