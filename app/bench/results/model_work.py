"""The bytes that a model reads and the operations it computes for a token, by its file's tensors. Pure."""

from collections import Counter
from math import prod

import msgspec

from converters.gguf.gguf_reader import GgufSummary, ListSummary, TensorInfo
from converters.gguf.gguf_types import TENSOR_TYPES
from models.memory.kv_cache import KV_BYTES_PER_ELEMENT

_NUMBERS = {kind.name: kind.number for kind in TENSOR_TYPES.values()}


class ModelWork(msgspec.Struct, frozen=True, kw_only=True):
    """The work of one token.

    `weight_bytes` are read for each generated token, and `cache_bytes` more for each token before it.
    `prompt_flop` are the multiplications and additions for a prompt token, `attention_flop` more for each
    token before it, `output_flop` more for each token that is drawn. `layer_share` of the weights' bytes lies
    in the layers, the rest in the output.
    `main_type` is the type of the most weights, `main_type_number` ggml's number for it.
    """

    weight_bytes: int
    cache_bytes: float
    prompt_flop: float
    attention_flop: float
    output_flop: float
    layer_share: float
    main_type: str
    main_type_number: int

    def bytes_at(self, depth_tokens: float) -> float:
        """Bytes to read for a token that has so many before it."""
        return self.weight_bytes + self.cache_bytes * depth_tokens

    def flop_at(self, depth_tokens: float) -> float:
        """Operations for a prompt token that has so many before it."""
        return self.prompt_flop + self.attention_flop * depth_tokens


def model_work(summary: GgufSummary, kv_type: str) -> ModelWork | None:
    """The work of the model in a file with that header; None where its metadata does not tell enough.

    Of the token embeddings one row is read, unless they are the output too. Of experts, those that are used.
    The output is computed for a prompt's last token only.
    """
    prefix = summary.text("general.architecture")
    layers, hidden = _number(summary, f"{prefix}.block_count"), _number(summary, f"{prefix}.embedding_length")
    heads = _number(summary, f"{prefix}.attention.head_count")
    if not layers or not hidden or not heads:
        return None
    kv_heads = _number(summary, f"{prefix}.attention.head_count_kv") or heads
    key_length = _number(summary, f"{prefix}.attention.key_length") or hidden // heads
    value_length = _number(summary, f"{prefix}.attention.value_length") or key_length
    experts, used = (
        _number(summary, f"{prefix}.expert_count"),
        _number(summary, f"{prefix}.expert_used_count"),
    )
    expert_share = used / experts if experts and used else 1.0
    is_tied = not any(tensor.name == "output.weight" for tensor in summary.tensors)
    layer_bytes = output_bytes = prompt_flop = output_flop = 0.0
    types: Counter[str] = Counter()
    for tensor in summary.tensors:
        share = expert_share if "_exps." in tensor.name else 1.0
        if tensor.name.startswith("blk."):
            layer_bytes += share * tensor.bytes
            if len(tensor.shape) > 1:
                prompt_flop += 2 * share * prod(tensor.shape)
                types[tensor.type] += prod(tensor.shape)
        elif not tensor.name.startswith("token_embd") or is_tied:
            output_bytes += tensor.bytes
            if len(tensor.shape) > 1:
                output_flop += 2 * prod(tensor.shape)
        else:
            output_bytes += _row_bytes(tensor)
    if not types:
        return None
    main_type = types.most_common(1)[0][0]
    return ModelWork(
        weight_bytes=round(layer_bytes + output_bytes),
        cache_bytes=layers * kv_heads * (key_length + value_length) * KV_BYTES_PER_ELEMENT[kv_type],
        prompt_flop=prompt_flop,
        attention_flop=2.0 * layers * heads * (key_length + value_length),
        output_flop=output_flop,
        layer_share=layer_bytes / (layer_bytes + output_bytes),
        main_type=main_type,
        main_type_number=_NUMBERS[main_type],
    )


def _row_bytes(tensor: TensorInfo) -> float:
    return tensor.bytes / max(1, prod(tensor.shape[1:]))


def _number(summary: GgufSummary, key: str) -> int:
    value = summary.metadata.get(key)
    if isinstance(value, ListSummary):
        whole = [item for item in value.first if isinstance(item, int)]
        return max(whole, default=0)
    return value if isinstance(value, int) else 0
