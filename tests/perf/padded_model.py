"""The starter model with R1's vocabulary size: its own embeddings again and again, under two tokens' texts.

So sampling has R1's 152,064 logits, distributed as a language model's are, and grammars as many tokens, made
of common pieces as real ones are, at the price of a small model. No merge makes the new tokens: texts come to
the same tokens as before.
"""

import random
from pathlib import Path

import gguf
import numpy as np

R1_VOCABULARY = 152_064
_NORMAL = 1
_EMBEDDING = "token_embd.weight"


def write_padded(source: Path, target: Path, vocabulary: int = R1_VOCABULARY) -> None:
    """Write the model `source` with `vocabulary` tokens to `target`."""
    reader = gguf.GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    names = reader.fields["tokenizer.ggml.tokens"].contents()
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    more = vocabulary - len(names)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        value, kind = field.contents(), field.types[0]
        if name == "tokenizer.ggml.tokens":
            writer.add_token_list([*value, *_pairs(names, kinds, more)])
        elif name == "tokenizer.ggml.token_type":
            writer.add_token_types([*value, *([_NORMAL] * more)])
        elif name == "tokenizer.ggml.scores":
            writer.add_token_scores([*value, *([0.0] * more)])
        elif name.endswith(".vocab_size"):
            writer.add_vocab_size(vocabulary)
        elif kind == gguf.GGUFValueType.ARRAY:
            writer.add_array(name, value)
        else:
            writer.add_key_value(name, value, kind)
    for tensor in reader.tensors:
        data = tensor.data
        if tensor.name == _EMBEDDING:
            data = np.resize(data, (vocabulary, data.shape[1]))
        writer.add_tensor(tensor.name, data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _pairs(names: list[str], kinds: list[int], wanted: int) -> list[str]:
    """Texts of two tokens each, none of them a token already."""
    draw = random.Random(1)
    normal = [name for name, kind in zip(names, kinds, strict=True) if kind == _NORMAL]
    found: dict[str, None] = {}
    known = set(names)
    while len(found) < wanted:
        pair = draw.choice(normal) + draw.choice(normal)
        if pair not in known:
            found[pair] = None
    return list(found)
