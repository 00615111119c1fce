"""The intended use of a model, as far as memory depends on it."""

from dataclasses import dataclass

# llama.cpp rounds the cells of the KV cache up to this (src/llama-context.cpp).
CELLS_STEP = 256

OUTPUTS_STEP = 16
"""llama.cpp keeps a number of 4 bytes for each output in front of all that a step computes, padded to 32
(ggml's TENSOR_ALIGNMENT): with half a cache line there, each 64-byte load behind it crosses two of them.
Starter, prompts of 512, two threads of an Intel Xeon with AMX, medians of 10 in turn, tokens per second:
40 outputs 846 to 928, 16 or 48 of them 998 to 1,221.
"""


@dataclass(frozen=True, slots=True)
class Demand:
    """`context_tokens` for each of `sequences`, or for all of them together where they are `shared`
    (llama.cpp's kv_unified); `batch_tokens` are evaluated in one step, of which at most `outputs` give
    logits (0: one for each sequence). `kv_type` is a key of `KV_BYTES_PER_ELEMENT`. The file is mapped unless
    the engine `copies_weights` out of it, its token embedding with them.
    """

    context_tokens: int
    sequences: int = 1
    batch_tokens: int = 512
    kv_type: str = "f16"
    flash_attention: bool = True
    shared: bool = False
    outputs: int = 0
    copies_weights: bool = False

    @property
    def attended_cells(self) -> int:
        """KV cache cells that a token may attend to."""
        return -(-self.context_tokens // CELLS_STEP) * CELLS_STEP

    @property
    def total_tokens(self) -> int:
        """KV cache cells of all sequences."""
        return self.attended_cells * (1 if self.shared else self.sequences)

    @property
    def step_tokens(self) -> int:
        """Tokens of the largest step that llama.cpp reserves memory for: a multiple of the sequences."""
        all_tokens = self.context_tokens * (1 if self.shared else self.sequences)
        tokens = min(all_tokens, self.batch_tokens)
        return -(-tokens // self.sequences) * self.sequences

    @property
    def output_rows(self) -> int:
        """Tokens of a step that may ask for logits."""
        return min(self.step_tokens, self.outputs or self.sequences)


PIPELINE_STEP_TOKENS = 512
"""Cards take turns with so many tokens: while one computes these, the one before begins with the next."""


def step_on_cards(batch_tokens: int, *, whole: bool, cards: int) -> int:
    """Return how many of a step's tokens are computed at a time (llama.cpp's n_ubatch): fewer than all where
    several `cards` hold a `whole` model between them, as it runs them one behind the other then."""
    return min(batch_tokens, PIPELINE_STEP_TOKENS) if whole and cards > 1 else batch_tokens


def whole_lines(outputs: int) -> int:
    """Round `outputs` up so that their numbers fill cache lines; see `OUTPUTS_STEP`."""
    return -(-outputs // OUTPUTS_STEP) * OUTPUTS_STEP
