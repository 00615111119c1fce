"""What the tokens of a vocabulary print, so that all of them can be tested at once. Pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from app.engine.grammar_state import DEAD, GrammarState

Ids = npt.NDArray[np.integer]


class TokenBytes:
    """The bytes of each token, one behind the other. Immutable: any thread."""

    def __init__(self, pieces: Sequence[bytes], ends: Sequence[int]) -> None:
        """`ends` are the tokens that end a text."""
        self._bytes = np.frombuffer(b"".join(pieces), np.uint8)
        self._lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._is_end = np.zeros(len(pieces), np.bool_)
        self._is_end[list(ends)] = True
        self.all_ids = np.arange(len(pieces), dtype=np.int32)

    def piece(self, token: int) -> bytes:
        """What `token` prints."""
        start = int(self._starts[token])
        return self._bytes[start : start + int(self._lengths[token])].tobytes()

    def is_end(self, token: int) -> bool:
        """`token` ends a text."""
        return bool(self._is_end[token])

    def fitting(self, ids: Ids, grammar: GrammarState) -> Ids:
        """Those of `ids` that may come next, in their order. Raises `TooManyWays`."""
        is_end = self._is_end[ids]
        fits = is_end & grammar.may_end
        # A token that prints nothing would bring the text no further, for ever.
        places = np.flatnonzero(~is_end & (self._lengths[ids] > 0))
        states = np.full(len(places), grammar.state, np.int32)
        for length in range(int(self._lengths[ids].max(initial=0))):
            states = grammar.after_each(states, self._bytes[self._starts[ids[places]] + length])
            alive = states != DEAD
            places, states = places[alive], states[alive]
            ended = self._lengths[ids[places]] == length + 1
            fits[places[ended]] = True
            places, states = places[~ended], states[~ended]
            if not len(places):
                break
        return ids[fits]
