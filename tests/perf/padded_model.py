"""The starter model with R1's vocabulary size: its own embeddings again and again, under names of their own.

So sampling has R1's 152,064 logits, distributed as a language model's are, at the price of a small model.
"""

from pathlib import Path

import gguf
import numpy as np

R1_VOCABULARY = 152_064
_UNUSED = 5
_EMBEDDING = "token_embd.weight"


def write_padded(source: Path, target: Path, vocabulary: int = R1_VOCABULARY) -> None:
    """Write the model `source` with `vocabulary` tokens to `target`."""
    reader = gguf.GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    names = reader.fields["tokenizer.ggml.tokens"].contents()
    more = vocabulary - len(names)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        value, kind = field.contents(), field.types[0]
        if name == "tokenizer.ggml.tokens":
            writer.add_token_list([*value, *(f"[PAD{number}]" for number in range(more))])
        elif name == "tokenizer.ggml.token_type":
            writer.add_token_types([*value, *([_UNUSED] * more)])
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
