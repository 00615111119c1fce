"""The tokens among which llama.cpp's samplers choose."""

import ctypes
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

_TOKEN_DATA = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])

_LIKELY = (ctypes.c_int32, ctypes.c_float, ctypes.c_void_p, ctypes.c_void_p)
_ours = llama_cpp.llama_cpp._lib
"""What is called stillroom_* there is packaging/engine/likely_tokens.cpp."""
_likely_tokens = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *_LIKELY)(("stillroom_likely_tokens", _ours))
_likely_tokens_of_row = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32, *_LIKELY)(
    ("stillroom_likely_tokens_of_row", _ours)
)
_draw = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)(("stillroom_draw", _ours))

Ids = npt.NDArray[np.integer[Any]]
Logits = npt.NDArray[np.float32]


class Candidates:
    """A `llama_token_data_array` with room for a whole vocabulary. One for all replies of a model."""

    def __init__(self, vocabulary: int) -> None:
        self._room = vocabulary
        rows = np.zeros(vocabulary, _TOKEN_DATA)
        self._ids, self._logits = rows["id"], rows["logit"]
        self._address = rows.ctypes.data  # the rows live as long as the views of them
        self._pointer = ctypes.cast(self._address, ctypes.POINTER(llama_cpp.llama_token_data))
        self._array = llama_cpp.llama_token_data_array(self._pointer, 0, -1, False)
        self._array_address = ctypes.addressof(self._array)
        self._reference = ctypes.byref(self._array)

    def fill(self, ids: Ids, logits: Logits) -> None:
        """Begin with these tokens."""
        count = len(ids)
        self._ids[:count] = ids
        self._logits[:count] = logits
        array = self._array
        # Samplers move the pointer, shorten the array and sort it.
        array.data, array.size, array.selected, array.sorted = self._pointer, count, -1, False

    def fill_likely(self, logits: Logits, gap: float) -> int:
        """Begin with those of the logits (one behind the other in memory) that lie at most `gap` below the
        largest, by their places; how many they are. None where the logits are no numbers."""
        _likely_tokens(logits.ctypes.data, len(logits), gap, self._address, self._array_address)
        found: int = self._array.size
        return found

    def fill_likely_of_row(self, context: Any, row: int, gap: float) -> int:
        """The same of the logits of batch row `row` of a `llama_context *`, which are a whole vocabulary."""
        _likely_tokens_of_row(context, row, self._room, gap, self._address, self._array_address)
        found: int = self._array.size
        return found

    def apply(self, sampler: Any) -> None:
        """Let a sampler of llama.cpp change them."""
        llama_cpp.llama_sampler_apply(sampler, self._reference)

    def logits(self) -> Logits:
        """The logits in their first order, after no sampler or one that neither sorts nor leaves out."""
        return self._logits[: self._array.size]

    def ids(self) -> Ids:
        """The tokens that the `logits` belong to."""
        return self._ids[: self._array.size]

    def first(self) -> int:
        """The first token, before any sampler."""
        return int(self._ids.item(0))

    def draw(self, sampler: Any) -> int:
        """Let a sampler that ends with a draw change them; the token that it drew."""
        return int(_draw(sampler, self._array_address))
