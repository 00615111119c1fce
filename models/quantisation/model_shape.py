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
    def layer_matrices(self) -> dict[str, tuple[int, int]]:
        """The weight matrices of one layer by the tensor's name in a GGUF file: rows, and their length."""
        return {
            "attn_q": (self.attention_width, self.hidden),
            "attn_k": (self.kv_width, self.hidden),
            "attn_v": (self.kv_width, self.hidden),
            "attn_output": (self.hidden, self.attention_width),
            "ffn_gate": (self.ffn, self.hidden),
            "ffn_up": (self.ffn, self.hidden),
            "ffn_down": (self.hidden, self.ffn),
        }

    @property
    def layer_vectors(self) -> dict[str, int]:
        """Lengths of the norms and biases of one layer; GGUF keeps them in f32."""
        lengths = {"attn_norm.weight": self.hidden, "ffn_norm.weight": self.hidden}
        if self.attention_bias:
            lengths |= {
                "attn_q.bias": self.attention_width,
                "attn_k.bias": self.kv_width,
                "attn_v.bias": self.kv_width,
            }
        if self.qk_norm:
            lengths |= {"attn_q_norm.weight": self.head_size, "attn_k_norm.weight": self.head_size}
        return lengths

    @property
    def parameters(self) -> int:
        """All weights, a tied output counted once."""
        per_layer = sum(rows * length for rows, length in self.layer_matrices.values())
        per_layer += sum(self.layer_vectors.values())
        embeddings = self.vocabulary * self.hidden * (1 if self.tied_embeddings else 2)
        return self.layers * per_layer + embeddings + self.hidden
