"""Find out by trial where the rows of a batch are bit for bit what they are alone. Pure.

llama.cpp does not promise it: graphics cards choose their kernels by the number of rows, and on processors
that our attention is not made for (packaging/engine/patches/grouped_attention.cpp) a row alone is split
between the threads. Activations are rounded to 8 bits, so that another last bit is mostly lost, and now and
then comes out as half a logit.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.protocol import LoadSettings

GUESSES = (1, 3, 7, 15)
"""Numbers of tokens to guess where rows have to be exact: few sizes to try, whole blocks of the kernels."""

CELLS = 256
"""llama.cpp attends over cells in multiples of it."""

ROWS = 8
"""So many rows have to be the same before their size is trusted: one or two may be by chance."""


def can_be_alike(plan: LoadSettings) -> bool:
    """Tell whether a trial is worth while. Without flash attention on a processor it is not: the products
    with the cache go another way from two rows on (`llamafile_sgemm`)."""
    return bool(plan.gpu_layers) or plan.flash_attention != "off"


@dataclass(slots=True)
class _Depth:
    """The findings on contexts of about one length."""

    proven: int = 0
    """The number of `GUESSES`, from the smallest, that gave the same rows."""
    same_rows: int = 0
    """Rows of the next size that were the same so far."""
    refuted: bool = False
    """The next size gave other rows."""
    due: bool = True
    """The next size may be worth a trial: the largest that is proven was right as a whole."""


@dataclass(slots=True)
class Trial:
    """Rows of a batch, by their digests, beside which the same tokens are evaluated one by one."""

    depth: _Depth
    position: int
    """The position of the next token to compare."""
    guesses: tuple[int, ...]
    rows: Sequence[bytes]
    _compared: int = 0

    def goes_on(self, position: int, row: bytes, token: int) -> bool:
        """Compare the row of the token at `position`, alone, from which `token` was drawn. False ends it."""
        if position != self.position:
            return False
        if row != self.rows[self._compared]:
            self.depth.refuted = True
            return False
        self._compared += 1
        self.position += 1
        self.depth.same_rows += 1
        if self._compared == len(self.rows):
            self._is_complete()
            return False
        return token == self.guesses[self._compared - 1]

    def _is_complete(self) -> None:
        depth = self.depth
        depth.due = depth.same_rows < ROWS
        if not depth.due:
            depth.proven += 1
            depth.same_rows = 0


class RowProofs:
    """The findings on one model in one context, with each set of adapters (`variant`)."""

    def __init__(self, can_be_alike: bool) -> None:
        self._can_be_alike = can_be_alike
        self._depths: dict[tuple[str, int], _Depth] = {}

    def choose(self, variant: str, length: int, wanted: int) -> tuple[int, bool]:
        """Choose how many of `wanted` guesses to check behind `length` tokens; True where that is a trial."""
        if not self._can_be_alike:
            return 0, False
        # Within the same cells: alone the last rows attend over no more of them than the batch does.
        fitting = bisect_right(GUESSES, min(wanted, -length % CELLS))
        depth = self._depth(variant, length)
        if depth.due and not depth.refuted and fitting > depth.proven:
            return GUESSES[depth.proven], True
        known = min(fitting, depth.proven)
        return (GUESSES[known - 1], False) if known else (0, False)

    def begin(self, variant: str, length: int, guesses: Sequence[int], rows: Sequence[bytes]) -> Trial:
        """Begin the trial of a batch of the last of `length` tokens and these guesses, one row for each."""
        depth = self._depth(variant, length)
        if depth.proven:
            # Where a guess in the trial is wrong, smaller ones are used before the next.
            depth.due = False
        return Trial(depth, length - 1, tuple(guesses), rows)

    def was_right(self, variant: str, length: int, guesses: int) -> None:
        """Note that all of so many guesses behind `length` tokens were right."""
        depth = self._depth(variant, length)
        if depth.proven and guesses == GUESSES[depth.proven - 1]:
            depth.due = True

    def _depth(self, variant: str, length: int) -> _Depth:
        # Kernels change at powers of two, if with the length at all.
        return self._depths.setdefault((variant, ((length - 1) // CELLS).bit_length()), _Depth())
