"""The weights of a model by where llama.cpp puts them.

It counts `n_gpu_layers` from the end of the model: the first one is the output (its norm and matrix), then
the last layer and so on; the token embedding stays in host memory (`llama_model_base::load_tensors`,
src/llama-model.cpp).
"""

from collections.abc import Mapping
from dataclasses import dataclass

TABLE = "token_embd.weight"
"""The token embedding of a GGUF file."""

SMALL_TABLE_BYTES = 64 << 20
"""Up to this size a token embedding that is the output matrix, too, is put into rows that lie in one another
(`STILLROOM_SMALL_TABLE`)."""

_INTERLEAVED = {"Q8_0", "Q6_K", "Q5_K", "Q3_K", "IQ4_XS", "Q4_1"}
"""The types that our change to llama.cpp lays so (`stillroom_interleaved` in interleaved_rows.h), Q4_1 on
processors with AVX-512 VNNI."""

_REPACKED = {"Q4_0", "Q4_K", "Q2_K", "IQ4_NL", "MXFP4"}
"""Those that llama.cpp lays in eights, of any size (`ggml_repack_get_optimal_repack_type` in repack.cpp),
Q2_K on processors with AVX-512. All others are multiplied as the file has them."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of the quantised tensors. Where the output matrix is the token embedding (`tied`), `output`
    counts it too: a graphics card gets a second copy. `table_type` is that of the token embedding, empty
    where it is not known."""

    layers: tuple[int, ...]
    output: int
    embedding: int
    tied: bool = False
    table_type: str = ""

    @property
    def total(self) -> int:
        """Everything, once."""
        return sum(self.layers) + self.output + (0 if self.tied else self.embedding)

    def on_device(self, gpu_layers: int) -> int:
        """Sum the bytes on the graphics card with `gpu_layers` there."""
        if gpu_layers <= 0:
            return 0
        first = max(0, len(self.layers) + 1 - gpu_layers)
        return self.output + sum(self.layers[first:])

    def in_ram(self, gpu_layers: int, *, copied: bool) -> int:
        """Sum the bytes in host memory with `gpu_layers` on the graphics card. Unless they are `copied` out
        of the mapped file, its token embedding stays there, see `looked_up`."""
        if gpu_layers <= 0:
            held = self.total + (self.held_twice if copied else 0)
        else:
            first = max(0, len(self.layers) + 1 - gpu_layers)
            held = self.embedding + sum(self.layers[:first])
        return held if copied else held - self.looked_up(gpu_layers)

    def looked_up(self, gpu_layers: int) -> int:
        """Return the bytes of the token embedding where the processor does not use it as the output, too. Of
        a mapped file a step reads only the rows of its tokens then, some MB in a long reply, and the system
        can drop every other page at once."""
        return 0 if self.tied and gpu_layers <= 0 else self.embedding

    @property
    def held_twice(self) -> int:
        """Bytes that lie in host memory once more where it holds the output and the file is not mapped: once
        as the file has them, for the rows of tokens, and once in the order in which they are multiplied
        faster."""
        is_small = self.embedding <= SMALL_TABLE_BYTES
        is_moved = self.table_type in _REPACKED or (is_small and self.table_type in {*_INTERLEAVED, ""})
        return self.embedding if self.tied and is_moved else 0

    @property
    def read_per_token(self) -> int:
        """Bytes that each new token reads: all of it but the embedding, of which it takes one row."""
        return sum(self.layers) + self.output


def weights_by_place(sizes: Mapping[str, int], layers: int, table_type: str = "") -> Weights:
    """Sort the tensors of a GGUF file, bytes by name, into their places; `table_type` as in `Weights`."""
    layer_bytes = [0] * layers
    embedding = output = 0
    for name, size in sizes.items():
        prefix, _, rest = name.partition(".")
        block = rest.partition(".")[0]
        if prefix == "blk" and block.isdecimal() and int(block) < layers:
            layer_bytes[int(block)] += size
        elif name.startswith("token_embd"):
            embedding += size
        else:
            output += size
    tied = not any(name.startswith("output.") for name in sizes)
    return Weights(tuple(layer_bytes), output + (embedding if tied else 0), embedding, tied, table_type)
