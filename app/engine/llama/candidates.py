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


def library_function(name: str, *types: Any) -> Any:
    """Look up a function of the library, which gives the first of `types` and takes the others; None where
    there is none."""
    try:
        return None if _compiled is None else ctypes.CFUNCTYPE(*types)((name, _compiled))
    except AttributeError:
        log.info("The library of likely tokens has no %s.", name)
        return None


_compiled = _library()
_likely_tokens = library_function("stillroom_likely_tokens", None, ctypes.c_void_p, *_LIKELY)
_likely_tokens_of_row = library_function(
    "stillroom_likely_tokens_of_row", None, ctypes.c_void_p, ctypes.c_int32, *_LIKELY
)
_draw = library_function("stillroom_draw", ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
_best_of_row = library_function(
    "stillroom_best_of_row",
    ctypes.c_float,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_int32,
    ctypes.c_float,
    ctypes.c_float,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
)

SHARE_GAP = 14.0
"""Tokens whose logit lies further below the largest count nothing for its share."""

Ids = npt.NDArray[np.integer[Any]]
Logits = npt.NDArray[np.float32]


class Candidates:
    """A `llama_token_data_array` with room for a whole vocabulary. One for all replies of a model."""

    def __init__(self, vocabulary: int) -> None:
        self.room = vocabulary
        """So many tokens fit."""
        rows = np.zeros(vocabulary, _TOKEN_DATA)
        self._ids, self._logits = rows["id"], rows["logit"]
        self.address = rows.ctypes.data  # the rows live as long as the views of them
        """The rows, `llama_token_data *`."""
        self._pointer = ctypes.cast(self.address, ctypes.POINTER(llama_cpp.llama_token_data))
        self._array = llama_cpp.llama_token_data_array(self._pointer, 0, -1, False)
        self.array_address = ctypes.addressof(self._array)
        """The `llama_token_data_array *` itself."""
        self._best = ctypes.c_int32()
        self._best_address = ctypes.addressof(self._best)
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
        _likely_tokens(logits.ctypes.data, len(logits), gap, self.address, self.array_address)
        found: int = self._array.size
        return found

    def fill_likely_of_row(self, context: Any, row: int, gap: float) -> int:
        """Do the same with the logits of batch row `row` of a `llama_context *`, which are a whole
        vocabulary."""
        if _likely_tokens_of_row is None:
            address = llama_cpp.llama_get_logits_ith(context, row)
            return self._fill_likely_slowly(np.ctypeslib.as_array(address, (self.room,)), gap)
        _likely_tokens_of_row(context, row, self.room, gap, self.address, self.array_address)
        found: int = self._array.size
        return found

    def best_of_row(self, context: Any, row: int, least_share: float) -> int | None:
        """Find the likeliest token of batch row `row` of a `llama_context *`; None where its share of the
        distribution is below `least_share`. The candidates are lost."""
        if _best_of_row is None:
            address = llama_cpp.llama_get_logits_ith(context, row)
            logits = np.ctypeslib.as_array(address, (self.room,))
            token = int(logits.argmax())
            share = 1.0 / float(np.exp(logits - logits[token]).sum())
            return token if share >= least_share else None
        share = _best_of_row(
            context,
            row,
            self.room,
            SHARE_GAP,
            least_share,
            self.address,
            self.array_address,
            self._best_address,
        )
        return self._best.value if share >= least_share else None

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
        return int(_draw(sampler, self.array_address))

    def _fill_likely_slowly(self, logits: Logits, gap: float) -> int:
        most = logits.max()
        likely = np.flatnonzero(logits >= most - np.float32(gap)) if np.isfinite(most) else np.empty(0, int)
        self.fill(likely, logits[likely])
        return len(likely)
