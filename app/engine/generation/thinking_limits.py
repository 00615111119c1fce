"""Decide when to close a thinking block for the model, so that the answer follows. Pure."""

from app.engine.generation.loop_guard import LoopGuard
from app.engine.protocol import ThinkingClosed, ThinkingLimits
from app.engine.protocol.message_base import THINK_CLOSE

NO_THOUGHT = b"\n</think>\n\n"
"""After a prompt that opens a thinking block: the block is empty."""


ANSWER_TOKENS = (256, 1024)
"""Room that is kept for an answer: a quarter of what the context has for the reply, within these, and never
more than half of it."""

LOOK_TOKENS = 8
"""A circle is looked for after so many tokens of thinking, so that it is found at the same one every time."""


def until_look(guard: LoopGuard, tokens: int) -> int:
    """Return after how many more than these `tokens` of a train of thought a circle may be found."""
    soonest = guard.soonest()
    return soonest + -(tokens + soonest) % LOOK_TOKENS


class ThinkingControl:
    """Watches the thinking of one reply against its limits."""

    def __init__(self, limits: ThinkingLimits, room_tokens: int) -> None:
        """`room_tokens` is what the context has for the whole reply."""
        self._limits = limits
        least, most = ANSWER_TOKENS
        kept = min(room_tokens // 2, max(least, min(most, room_tokens // 4)))
        self._room = room_tokens - kept if limits.answer_room else room_tokens
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
        if tokens >= self._room:
            return "room"
        return "loop" if self._loops and tokens % LOOK_TOKENS == 0 else ""

    def unwatched(self, tokens: int) -> int:
        """Return after how many more than these `tokens` to ask again, except for the clock's limit."""
        most = self._room if self._limits.tokens is None else min(self._limits.tokens, self._room)
        left = max(1, most - tokens)
        return left if self._guard is None else min(left, until_look(self._guard, tokens))

    def closing(self) -> bytes:
        """Return the bytes that close the block, as the models were trained to write it: the tag on a line of
        its own and an empty line after it."""
        return (b"" if self._ends_in_line_break else b"\n") + THINK_CLOSE.encode() + b"\n\n"
