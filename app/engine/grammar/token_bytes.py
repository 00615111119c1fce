"""The bytes of all tokens of a vocabulary, so that a grammar can test them at once. Pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from app.engine.grammar.grammar_state import DEAD, GrammarState

Ids = npt.NDArray[np.integer]


class TokenBytes:
    """The bytes of each token, one behind the other. Immutable: any thread."""

    def __init__(self, pieces: Sequence[bytes], ends: Sequence[int], *, is_bpe: bool = False) -> None:
        """Join the `pieces`. `ends` are the tokens that end a text. `is_bpe` says that a text's tokens print
        its bytes, those that have no token of their own left out: a byte-pair vocabulary none of whose tokens
        swallows spaces beside it."""
        self._bytes = np.frombuffer(b"".join(pieces), np.uint8)
        self._lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._is_end = np.zeros(len(pieces), np.bool_)
        self._is_end[list(ends)] = True
        self._is_bpe = is_bpe
        self._longest = int(self._lengths.max(initial=1))
        single = {piece[0] for piece in pieces if len(piece) == 1}
        self._without_token = bytes(byte for byte in range(256) if byte not in single)
        self.splits_before_spaces = is_bpe and not self._holds_space_behind_letter()
        """Between a letter (of ASCII) and a space a text can be cut, and its tokens are the same: no token
        goes over that place, so that what is joined before it and behind it does not depend on each other."""
        self.all_ids = np.arange(len(pieces), dtype=np.int32)

    def least_tokens(self, text: bytes) -> int:
        """Return a lower bound of a text's number of tokens, without tokenising it."""
        return len(text.translate(None, self._without_token)) // self._longest if self._is_bpe else 0

    def _holds_space_behind_letter(self) -> bool:
        lower = self._bytes | 32
        is_letter = (lower >= ord("a")) & (lower <= ord("z"))
        found = np.flatnonzero(is_letter[:-1] & (self._bytes[1:] == ord(" "))) + 1
        return bool(np.setdiff1d(found, self._starts).size)

    def piece(self, token: int) -> bytes:
        """Return the bytes that `token` prints."""
        start = int(self._starts[token])
        return self._bytes[start : start + int(self._lengths[token])].tobytes()

    def is_end(self, token: int) -> bool:
        """Tell whether `token` ends a text."""
        return bool(self._is_end[token])

    def fitting(self, ids: Ids, grammar: GrammarState) -> Ids:
        """Return those of `ids` that may come next, in their order. Raises `TooManyWays`."""
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
