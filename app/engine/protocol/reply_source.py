"""The interface to a source of replies: the engine on this computer, or anything that can take its place."""

from collections.abc import Callable
from typing import Protocol

from app.engine.protocol import Generate, ReplyEvent
from app.engine.protocol.pending_results import Generation

OnReplyEvent = Callable[[ReplyEvent], None]


class Answers(Protocol):
    """Takes requests for replies. Any thread; it returns at once."""

    def ask(self, request: Generate, on_event: OnReplyEvent | None = None) -> Generation:
        """Ask for one reply; `on_event` is called on a thread of the source's own, in order, and must be
        quick.

        The future of a reply that breaks off raises `EngineError`; the events until then were delivered.
        """
