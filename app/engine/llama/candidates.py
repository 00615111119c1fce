"""The tokens among which llama.cpp's samplers choose.

A small library of Stillroom's (packaging/engine/likely_tokens/likely_tokens.c) finds the likely ones; with
llama-cpp-python as it comes, numpy does: the same tokens, 0.05 ms later at 152,064.
"""

import ctypes
import logging
import sys
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)

_TOKEN_DATA = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])

_LIKELY = (ctypes.c_int32, ctypes.c_float, ctypes.c_void_p, ctypes.c_void_p)


def _library() -> Any:
    """Load the library that is compiled along with llama.cpp and lies beside it; None where there is none."""
    name = "likely_tokens.dll" if sys.platform == "win32" else "liblikely_tokens.so"
    try:
        return ctypes.CDLL(str(Path(llama_cpp.__file__).parent / "lib" / name))
    except OSError as error:
        log.info("numpy looks for the likely tokens: %s", error)
        return None


def _function(name: str, *types: Any) -> Any:
    """Look up a function of the library; None where there is none."""
    return None if _compiled is None else ctypes.CFUNCTYPE(*types)((name, _compiled))


_compiled = _library()
_likely_tokens = _function("stillroom_likely_tokens", None, ctypes.c_void_p, *_LIKELY)
_likely_tokens_of_row = _function(
    "stillroom_likely_tokens_of_row", None, ctypes.c_void_p, ctypes.c_int32, *_LIKELY
)
_draw = _function("stillroom_draw", ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)

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
        if _likely_tokens is None:
            return self._fill_likely_slowly(logits, gap)
        _likely_tokens(logits.ctypes.data, len(logits), gap, self._address, self._array_address)
        found: int = self._array.size
        return found

    def fill_likely_of_row(self, context: Any, row: int, gap: float) -> int:
        """Do the same with the logits of batch row `row` of a `llama_context *`, which are a whole
        vocabulary."""
        if _likely_tokens_of_row is None:
            address = llama_cpp.llama_get_logits_ith(context, row)
            return self._fill_likely_slowly(np.ctypeslib.as_array(address, (self._room,)), gap)
        _likely_tokens_of_row(context, row, self._room, gap, self._address, self._array_address)
        found: int = self._array.size
        return found

    def apply(self, sampler: Any) -> None:
        """Let a sampler of llama.cpp change them."""
        llama_cpp.llama_sampler_apply(sampler, self._reference)

    def logits(self) -> Logits:
        """Return the logits in their first order, after no sampler that sorts or leaves out."""
        return self._logits[: self._array.size]

    def ids(self) -> Ids:
        """Return the tokens that the `logits` belong to."""
        return self._ids[: self._array.size]

    def first(self) -> int:
        """Return the first token, before any sampler."""
        return int(self._ids.item(0))

    def draw(self, sampler: Any) -> int:
        """Let a sampler that ends with a draw change them; the token that it drew."""
        if _draw is None:
            self.apply(sampler)
            return int(self._array.data[self._array.selected].id)
        return int(_draw(sampler, self._array_address))

    def _fill_likely_slowly(self, logits: Logits, gap: float) -> int:
        most = logits.max()
        likely = np.flatnonzero(logits >= most - np.float32(gap)) if np.isfinite(most) else np.empty(0, int)
        self.fill(likely, logits[likely])
        return len(likely)
