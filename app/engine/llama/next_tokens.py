"""Some tokens of a reply in one call: the library beside llama.cpp evaluates and draws, Python only reads.

After a step of llama.cpp, Python's code has to come from memory again: 60 to 90 us for a token drawn by
Python, where a card computes one in one or two milliseconds. Where llama-cpp-python is as it comes, there is
no such call, and the runner goes token by token.
"""

import ctypes
import time
from collections.abc import Sequence

import llama_cpp

from app.engine.llama.candidates import SHARE_GAP, Candidates, library_function
from app.engine.llama.context import Context
from app.engine.llama.model import Model
from app.engine.llama.sampler import Drawing

MOST_TOKENS = 64
"""So many tokens one call draws at most."""

_PAIR_BYTES = 1 << 17
_NEVER_US = 1 << 62
_LACKS_NOTHING, _LACKS_NUMBERS, _IS_TOO_WIDE, _IS_UNSURE = range(4)
_PYTHON_DRAWS = (_LACKS_NUMBERS, _IS_TOO_WIDE)


class _Next(ctypes.Structure):
    """`struct stillroom_next` of packaging/engine/likely_tokens/next_tokens.c."""

    _fields_ = [
        ("context", ctypes.c_void_p),
        ("vocab", ctypes.c_void_p),
        ("batch", ctypes.c_void_p),
        ("rows", ctypes.c_void_p),
        ("likely", ctypes.c_void_p),
        ("sampler", ctypes.c_void_p),
        ("interrupt", ctypes.c_void_p),
        ("pairs", ctypes.c_void_p),
        ("tokens", ctypes.c_void_p),
        ("drawn_us", ctypes.c_void_p),
        ("vocabulary", ctypes.c_int32),
        ("gap", ctypes.c_float),
        ("widest", ctypes.c_int32),
        ("least_share", ctypes.c_float),
        ("ahead", ctypes.c_int32),
        ("row", ctypes.c_int32),
        ("evaluated", ctypes.c_int32),
        ("result", ctypes.c_int32),
        ("lack", ctypes.c_int32),
    ]


_next_tokens = library_function(
    "stillroom_next_tokens",
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_int32,
    ctypes.c_int64,
)
_note_pairs = library_function("stillroom_note_pairs", None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32)


def draws_tokens() -> bool:
    """Tell whether the library is here, and with this call."""
    return _next_tokens is not None and _note_pairs is not None


class _SaidPairs:
    """Two tokens in a row that a reply or its prompt has said, as a bitmap: some more may seem said.

    Where such a pair comes again, a guess at what follows can be made.
    """

    def __init__(self) -> None:
        self._bits = ctypes.create_string_buffer(_PAIR_BYTES)
        self.address = ctypes.addressof(self._bits)
        self._noted = 0

    def note(self, tokens: Sequence[int]) -> None:
        """Note what is new of `tokens`, which only ever grow at their end."""
        new = tokens[max(0, self._noted - 1) :]
        self._noted = len(tokens)
        _note_pairs(self.address, (llama_cpp.llama_token * len(new))(*new), len(new))


class NextTokens:
    """Draws behind the last token of one sequence of a context, which is `evaluated` ahead or not.

    It belongs to the engine's thread, and keeps `candidates` for itself while it is called.
    """

    def __init__(
        self, model: Model, context: Context, candidates: Candidates, *, ahead: bool = False
    ) -> None:
        """Draw in `context`. `ahead` lets it evaluate the last token of a call, too, which a card does while
        Python goes on."""
        self._context, self._candidates = context, candidates
        self._tokens = (llama_cpp.llama_token * MOST_TOKENS)()
        self._drawn_us = (ctypes.c_int64 * MOST_TOKENS)()
        self._next = _Next(
            context=ctypes.cast(context.handle, ctypes.c_void_p).value,
            vocab=ctypes.cast(model.vocab, ctypes.c_void_p).value,
            rows=candidates.address,
            likely=candidates.array_address,
            interrupt=context.interrupt_address,
            tokens=ctypes.addressof(self._tokens),
            drawn_us=ctypes.addressof(self._drawn_us),
            vocabulary=candidates.room,
            ahead=ahead,
        )
        self._address = ctypes.addressof(self._next)
        self._drawing: Drawing | None = None
        self._pairs: _SaidPairs | None = None

    @property
    def evaluated(self) -> bool:
        """Tell whether the last token that was drawn is evaluated already."""
        return bool(self._next.evaluated)

    @property
    def result(self) -> int:
        """The last result of `llama_decode` (see DECODE_*)."""
        return int(self._next.result)

    @property
    def left_one(self) -> bool:
        """Tell whether the last token is evaluated and Python has to draw from its logits, in row 0."""
        return self._next.lack in _PYTHON_DRAWS

    def forget(self) -> None:
        """Note that the last token is not evaluated any more, or that its logits were drawn from."""
        self._next.evaluated = 0

    def draw(
        self,
        drawing: Drawing,
        place: tuple[int, int, int],
        *,
        most: int,
        last: int,
        until_s: float,
        said: Sequence[int] | None = None,
    ) -> tuple[list[int], list[float]]:
        """Draw at most `most` tokens behind the one at `place` (token, position and sequence), and the times
        (`time.perf_counter()`) at which they were drawn.

        The reply ends with the `last`th. Before, it stops at a token that ends the generation, with the first
        one after `until_s`, at one that makes a pair that is in what was `said` (of which all comes each
        time), and where somebody waits for the engine. Look at `result` and `left_one` afterwards.
        """
        native = self._next
        if drawing is not self._drawing:
            self._drawing, self._pairs = drawing, None
            native.sampler, native.gap, native.widest = drawing.sampler, drawing.gap, drawing.widest
        if not native.evaluated:
            native.batch = self._context.set_one(*place)
        native.least_share = 0.0
        native.pairs = None
        if said is not None:
            if self._pairs is None:
                self._pairs = _SaidPairs()
            self._pairs.note(said)
            native.pairs = self._pairs.address
        began_s = time.perf_counter()
        long_us = max(0, int((until_s - began_s) * 1e6))
        count = self.call(min(most, MOST_TOKENS), last, long_us)
        return self._tokens[:count], [began_s + us * 1e-6 for us in self._drawn_us[:count]]

    def call(self, most: int, last: int, long_us: int) -> int:
        """Call the library; how many tokens it drew. All that `draw` and `guess` do beside is Python."""
        count: int = _next_tokens(self._address, most, last, long_us)
        return count

    def guess(self, least_share: float, row: int, place: tuple[int, int, int], most: int) -> list[int]:
        """Take the likeliest token at most `most` times, as long as its share of the distribution is
        `least_share` at least, from the logits of batch row `row` on, which is that of the token at `place`.

        What is given back is evaluated but for the last token, and with it where `evaluated` says so.
        """
        native = self._next
        self._drawing = None
        native.sampler, native.pairs = None, None
        native.gap, native.least_share = SHARE_GAP, least_share
        native.batch = self._context.set_one(*place)
        native.row, native.evaluated = row, 1
        count = self.call(min(most, MOST_TOKENS), MOST_TOKENS + 1, _NEVER_US)
        tokens: list[int] = self._tokens[:count]
        return tokens
