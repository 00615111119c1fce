"""How a model is to be used, as far as memory depends on it."""

from dataclasses import dataclass

# llama.cpp rounds the cells of each sequence up to this (src/llama-context.cpp).
CELLS_STEP = 256


@dataclass(frozen=True, slots=True)
class Demand:
    """`context_tokens` for each of `sequences`; a batch of `batch_tokens` is evaluated in one step.

    `kv_type` is a key of `KV_BYTES_PER_ELEMENT`.
    """

    context_tokens: int
    sequences: int = 1
    batch_tokens: int = 512
    kv_type: str = "f16"
    flash_attention: bool = True

    @property
    def sequence_cells(self) -> int:
        """KV cache cells of one sequence, as llama.cpp rounds them."""
        return -(-self.context_tokens // CELLS_STEP) * CELLS_STEP

    @property
    def total_tokens(self) -> int:
        """KV cache cells of all sequences."""
        return self.sequence_cells * self.sequences

    @property
    def step_tokens(self) -> int:
        """Tokens of the largest step that llama.cpp reserves memory for: a multiple of the sequences."""
        tokens = min(self.context_tokens * self.sequences, self.batch_tokens)
        return -(-tokens // self.sequences) * self.sequences
