"""The batch that `llama_decode` takes, in memory of our own."""

import ctypes
from collections.abc import Sequence
from typing import Any

import llama_cpp
import numpy as np


class Batch:
    """Rows of tokens, each of one sequence, for at most `capacity` of them.

    llama.cpp's struct points into numpy arrays, so a chunk of a prompt is written by a few copies.
    """

    def __init__(self, capacity: int) -> None:
        self._tokens = np.zeros(capacity, np.int32)
        self._positions = np.zeros(capacity, np.int32)
        self._sequences = np.zeros(capacity, np.int32)
        self._logits = np.zeros(capacity, np.int8)
        self._one_each = np.ones(capacity, np.int32)
        # llama.cpp wants a list of sequences for each row: each points to that row's only one.
        self._sequence_lists = (
            self._sequences.ctypes.data + np.arange(capacity, dtype=np.uintp) * self._sequences.itemsize
        )
        # For single rows: numpy takes longer for one.
        self._token, self._position = self._tokens.data, self._positions.data
        self._sequence, self._logit = self._sequences.data, self._logits.data
        self._fill = 0
        self._native: Any = llama_cpp.llama_batch()
        self.address = ctypes.addressof(self._native)
        """The `llama_batch *`; it knows its rows after `native` and `set_one`."""
        fields = dict(llama_cpp.llama_batch._fields_)
        for name, array in (
            ("token", self._tokens),
            ("pos", self._positions),
            ("seq_id", self._sequence_lists),
            ("logits", self._logits),
            ("n_seq_id", self._one_each),
        ):
            setattr(self._native, name, array.ctypes.data_as(fields[name]))

    @property
    def fill(self) -> int:
        """Rows that are taken."""
        return self._fill

    def clear(self) -> None:
        """Empty the batch."""
        self._fill = 0

    def add(self, tokens: Sequence[int], position: int, sequence: int, *, logits: int) -> int:
        """Append tokens of one sequence; the last `logits` of them ask for theirs. Returns the last row."""
        start, end = self._fill, self._fill + len(tokens)
        self._fill = end
        if end == start + 1:
            # The usual step of each reply; slices would take five times as long.
            self._token[start] = tokens[0]
            self._position[start] = position
            self._sequence[start] = sequence
            self._logit[start] = logits
            return start
        self._tokens[start:end] = tokens
        self._positions[start:end] = range(position, position + len(tokens))
        self._sequences[start:end] = sequence
        self._logits[start:end] = 0
        self._logits[end - logits : end] = 1
        return end - 1

    def set_one(self, token: int, position: int, sequence: int) -> None:
        """Set the usual step of a reply: this token alone, which asks for its logits."""
        self._fill = 1
        self._token[0] = token
        self._position[0] = position
        self._sequence[0] = sequence
        self._logit[0] = 1
        self._native.n_tokens = 1

    def native(self) -> Any:
        """Return the `llama_batch`; valid until the next change."""
        self._native.n_tokens = self._fill
        return self._native
