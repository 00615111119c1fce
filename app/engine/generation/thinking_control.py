"""Decide when to close a thinking block for the model, so that the answer follows. Pure."""

from app.engine.generation.loop_guard import LoopGuard
from app.engine.protocol import ThinkingClosed, ThinkingLimits
from app.engine.protocol.base import THINK_CLOSE

NO_THOUGHT = b"\n</think>\n\n"
"""After a prompt that opens a thinking block: the block is empty."""


LOOK_TOKENS = 8
"""A circle is looked for after so many tokens of thinking, so that it is found at the same one every time."""


class ThinkingControl:
    """Watches the thinking of one reply against its limits."""

    def __init__(self, limits: ThinkingLimits) -> None:
        self._limits = limits
        self._guard = LoopGuard() if limits.loop_guard else None
        self._loops = False
        self._ends_in_line_break = True
        self.asked = False
        """The user wants the answer now, and has not got it yet."""

    @property
    def off(self) -> bool:
        """Tell whether there is to be no thinking at all."""
        return self._limits.tokens == 0

    def note(self, token: int, piece: bytes) -> None:
        """Take in a token of the thinking."""
        if piece:
            self._ends_in_line_break = piece.endswith(b"\n")
        if self._guard is not None:
            self._loops = self._guard.add(token, piece)

    def why_close(self, tokens: int, seconds: float) -> ThinkingClosed:
        """Return the reason to close the block after `tokens` in `seconds`; "" where there is none."""
        limits = self._limits
        if self.asked:
            return "asked"
        if limits.tokens is not None and tokens >= limits.tokens:
            return "budget"
        if limits.seconds is not None and seconds >= limits.seconds:
            return "budget"
        return "loop" if self._loops and tokens % LOOK_TOKENS == 0 else ""

    def unwatched(self, tokens: int) -> int:
        """Return after how many more than these `tokens` to ask again, except for the clock's limit."""
        until_look = LOOK_TOKENS - tokens % LOOK_TOKENS
        budget = self._limits.tokens
        return until_look if budget is None else max(1, min(until_look, budget - tokens))

    def closing(self) -> bytes:
        """Return the bytes that close the block, as the models were trained to write it: the tag on a line of
        its own and an empty line after it."""
        return (b"" if self._ends_in_line_break else b"\n") + THINK_CLOSE.encode() + b"\n\n"
