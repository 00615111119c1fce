"""The tokens among which llama.cpp's samplers choose."""

import ctypes
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

_TOKEN_DATA = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])

Ids = npt.NDArray[np.integer[Any]]
Logits = npt.NDArray[np.float32]


class Candidates:
    """A `llama_token_data_array` with room for a whole vocabulary. One for all replies of a model."""

    def __init__(self, vocabulary: int) -> None:
        rows = np.zeros(vocabulary, _TOKEN_DATA)
        self._ids, self._logits = rows["id"], rows["logit"]
        self._pointer = ctypes.cast(
            rows.ctypes.data, ctypes.POINTER(llama_cpp.llama_token_data)
        )  # the rows live as long as the views of them
        self._array = llama_cpp.llama_token_data_array(self._pointer, 0, -1, False)
        self._reference = ctypes.byref(self._array)

    def fill(self, ids: Ids, logits: Logits) -> None:
        """Begin with these tokens."""
        count = len(ids)
        self._ids[:count] = ids
        self._logits[:count] = logits
        array = self._array
        # Samplers move the pointer, shorten the array and sort it.
        array.data, array.size, array.selected, array.sorted = self._pointer, count, -1, False

    def apply(self, sampler: Any) -> None:
        """Let a sampler of llama.cpp change them."""
        llama_cpp.llama_sampler_apply(sampler, self._reference)

    def logits(self) -> Logits:
        """The logits in the order of `fill`, after a sampler that neither sorts nor leaves out."""
        return self._logits[: self._array.size]

    def drawn(self) -> int:
        """The token that the last sampler selected."""
        array = self._array
        return int(array.data[array.selected].id)
