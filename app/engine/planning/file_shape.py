"""The memory that a file's own tensors take. Pure; the figures are those of `models.memory.memory_need`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.engine.protocol import KvType
from converters.gguf.gguf_reader import GgufSummary, ListSummary
from models.memory.kv_cache import kv_cache_bytes
from models.memory.memory_need import MemoryNeed, memory_need
from models.memory.memory_request import Demand
from models.quantisation.model_shape import ModelShape as Dimensions
from models.quantisation.weights import TABLE, Weights, weights_by_place

DEFAULT_BATCH_TOKENS = 512
DEFAULT_CONTEXT_TOKENS = 16384
"""An R1 reply thinks for some thousand tokens; 16,384 hold a long thought and a conversation around it."""

SMALLEST_CONTEXT_TOKENS = 4096

HOST_USABLE_FRACTION = 0.75

MOST_LAYERS = 1024


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A model's dimensions by its GGUF file, for its memory need. Sizes are bytes of quantised tensors;
    `table_type` is that of the token embedding."""

    layer_bytes: tuple[int, ...]
    output_bytes: int
    input_bytes: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    key_length: int
    value_length: int
    vocabulary: int
    context_limit: int
    tied_embeddings: bool = False
    table_type: str = ""

    @property
    def dimensions(self) -> Dimensions:
        """The dimensions as the catalogue holds them; where keys and values differ in length, the longer
        counts."""
        return Dimensions(
            layers=len(self.layer_bytes),
            hidden=self.hidden,
            ffn=self.feed_forward,
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_size=max(self.key_length, self.value_length),
            vocabulary=self.vocabulary,
            tied_embeddings=self.tied_embeddings,
        )

    @property
    def weights(self) -> Weights:
        """The tensors by where llama.cpp puts them."""
        return Weights(
            self.layer_bytes, self.output_bytes, self.input_bytes, self.tied_embeddings, self.table_type
        )

    @property
    def weight_bytes(self) -> int:
        """All tensors."""
        return self.weights.total

    def kv_bytes(self, tokens: int, kv_type: KvType) -> int:
        """Compute the size of the whole model's KV cache for `tokens` in all sequences together."""
        return kv_cache_bytes(self.dimensions, tokens, kv_type)

    def need(self, demand: Demand, gpu_layers: int = 0, *, cards: int = 1) -> MemoryNeed:
        """Compute what llama.cpp will allocate in RAM and on the cards."""
        return memory_need(self.dimensions, self.weights, demand, gpu_layers, cards=cards)


def shape_from_gguf(
    numbers: Mapping[str, int], tensors: Sequence[tuple[str, int]], vocabulary: int, table_type: str = ""
) -> ModelShape | None:
    """Read the shape from the architecture's own metadata `numbers` (keys without its prefix; of an array the
    largest element), (name, bytes) of each tensor and the type of the token embedding; None where a needed
    key is missing.

    Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
    """
    layers, hidden = numbers.get("block_count", 0), numbers.get("embedding_length", 0)
    heads = numbers.get("attention.head_count", 0)
    if not (0 < layers <= MOST_LAYERS and hidden > 0 and heads > 0):
        return None
    weights = weights_by_place(dict(tensors), layers, table_type)
    return ModelShape(
        layer_bytes=weights.layers,
        output_bytes=weights.output,
        input_bytes=weights.embedding,
        tied_embeddings=weights.tied,
        table_type=weights.table_type,
        hidden=hidden,
        feed_forward=numbers.get("feed_forward_length", 4 * hidden),
        heads=heads,
        kv_heads=numbers.get("attention.head_count_kv", heads),
        key_length=numbers.get("attention.key_length", hidden // heads),
        value_length=numbers.get("attention.value_length", hidden // heads),
        vocabulary=vocabulary,
        context_limit=numbers.get("context_length", 0),
    )


def shape_from_summary(summary: GgufSummary) -> ModelShape | None:
    """Read the same from a header that was read already."""
    prefix = summary.text("general.architecture") + "."
    numbers = {}
    for key, value in summary.metadata.items():
        items = value.first if isinstance(value, ListSummary) else [value]
        whole = [item for item in items if isinstance(item, int)]
        if key.startswith(prefix) and whole:
            numbers[key.removeprefix(prefix)] = max(whole)
    tokens = summary.metadata.get("tokenizer.ggml.tokens")
    vocabulary = tokens.length if isinstance(tokens, ListSummary) else 0
    tensors = [(tensor.name, tensor.bytes) for tensor in summary.tensors]
    table_type = next((tensor.type for tensor in summary.tensors if tensor.name == TABLE), "")
    return shape_from_gguf(numbers, tensors, vocabulary, table_type)
