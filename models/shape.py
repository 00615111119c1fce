"""The dimensions of a dense decoder model, and what follows from them."""

import msgspec


class ModelShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Dimensions of a Llama, Qwen2 or Qwen3 decoder, named as in its `config.json`.

    `tied_embeddings`: the output matrix is the embedding matrix. `attention_bias`: q, k and v have a bias
    (Qwen2). `qk_norm`: q and k are normalised per head (Qwen3). `rope_factors`: Llama 3.1's scaling.
    """

    layers: int
    hidden: int
    ffn: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    tied_embeddings: bool = False
    attention_bias: bool = False
    qk_norm: bool = False
    rope_factors: bool = False

    @property
    def kv_width(self) -> int:
        """Elements of the keys (or values) of one token in one layer."""
        return self.kv_heads * self.head_size

    @property
    def attention_width(self) -> int:
        """Elements of the queries of one token in one layer."""
        return self.heads * self.head_size

    @property
    def layer_matrices(self) -> dict[str, int]:
        """Elements of the weight matrices of one layer, by the tensor's name in a GGUF file."""
        return {
            "attn_q": self.hidden * self.attention_width,
            "attn_k": self.hidden * self.kv_width,
            "attn_v": self.hidden * self.kv_width,
            "attn_output": self.attention_width * self.hidden,
            "ffn_gate": self.hidden * self.ffn,
            "ffn_up": self.hidden * self.ffn,
            "ffn_down": self.ffn * self.hidden,
        }

    @property
    def layer_vectors(self) -> int:
        """Elements of the norms and biases of one layer; GGUF keeps them in f32."""
        norms = 2 * self.hidden + (2 * self.head_size if self.qk_norm else 0)
        return norms + (self.attention_width + 2 * self.kv_width if self.attention_bias else 0)

    @property
    def embedding(self) -> int:
        """Elements of the token embedding."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All weights, a tied output counted once."""
        per_layer = sum(self.layer_matrices.values()) + self.layer_vectors
        return self.layers * per_layer + self.embedding * (1 if self.tied_embeddings else 2) + self.hidden
