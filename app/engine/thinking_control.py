"""When to close a thinking block for the model, so that the answer follows. Pure."""

from app.engine.messages import ThinkingClosed, ThinkingLimits
from app.engine.repetition import LoopGuard
from app.engine.text import THINK_CLOSE

NO_THOUGHT = b"\n</think>\n\n"
"""After a prompt that opens a thinking block: the block is empty."""


class ThinkingControl:
    """Watches the thinking of one reply against its limits."""

    def __init__(self, limits: ThinkingLimits) -> None:
        self._limits = limits
        self._guard = LoopGuard() if limits.loop_guard else None
        self._asked = False
        self._ends_in_line_break = True

    @property
    def off(self) -> bool:
        """There is to be no thinking at all."""
        return self._limits.tokens == 0

    def ask(self) -> None:
        """The user wants the answer now."""
        self._asked = True

    def after(self, token: int, piece: bytes, tokens: int, seconds: float) -> ThinkingClosed:
        """Why the block is to be closed after this token, the last of `tokens` in `seconds`; "" when not."""
        if piece:
            self._ends_in_line_break = piece.endswith(b"\n")
        loops = self._guard is not None and self._guard.add(token, piece)
        limits = self._limits
        if self._asked:
            return "asked"
        if limits.tokens is not None and tokens >= limits.tokens:
            return "budget"
        if limits.seconds is not None and seconds >= limits.seconds:
            return "budget"
        return "loop" if loops else ""

    def closing(self) -> bytes:
        """What closes the block, as the models were trained to write it: the tag on a line of its own and an
        empty line after it."""
        return (b"" if self._ends_in_line_break else b"\n") + THINK_CLOSE.encode() + b"\n\n"
