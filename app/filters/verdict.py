"""The input filter's verdict on a text."""

from dataclasses import dataclass

from app.base.errors import StillroomError
from app.filters.rule import Action


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that found something. `spans` are places in the text as it was given, at most 200 of
    `count`. `unfinished`: the rule did not come to its end in time, and may have missed something."""

    rule_id: str
    rule: str
    action: Action
    count: int
    spans: tuple[tuple[int, int], ...] = ()
    unfinished: bool = False


class BlockedError(StillroomError):
    """A rule forbids to send the message. `hits` is what the rules found in it, up to that one."""

    def __init__(self, message: str, hint: str, *, hits: tuple[Hit, ...], **values: object) -> None:
        super().__init__(message, hint, **values)
        self.hits = hits


@dataclass(frozen=True, slots=True)
class Verdict:
    """`original` was given, `text` may be sent in its place; `hits` are in the order of the rules."""

    original: str
    text: str
    hits: tuple[Hit, ...] = ()

    @property
    def blocked_by(self) -> Hit | None:
        """The rule that forbids sending; it is the last that was asked."""
        return next((hit for hit in self.hits if hit.action == "block" or _unsafe(hit)), None)

    @property
    def redactions(self) -> tuple[Hit, ...]:
        """The rules that took something out."""
        return tuple(hit for hit in self.hits if hit.action == "redact" and not hit.unfinished)

    @property
    def flags(self) -> tuple[Hit, ...]:
        """The rules that only say that they found something."""
        return tuple(hit for hit in self.hits if hit.action == "flag")

    def require_sendable(self) -> str:
        """Return what may be sent. Raises `BlockedError`, which names the rule."""
        if self.blocked_by is not None:
            raise self.refusal(self.hits)
        return self.text

    def refusal(self, hits: tuple[Hit, ...]) -> BlockedError:
        """The error of a text that may not be sent; `hits` is all that was found in its message."""
        hit = self.blocked_by
        assert hit is not None
        if hit.unfinished:
            return BlockedError(
                "The filter rule “{rule}” did not finish in time, so the message was not sent.",
                "Make its expression simpler, or switch it off, in the input filter.",
                hits=hits,
                rule=hit.rule,
            )
        return BlockedError(
            "The filter rule “{rule}” does not let this message out; it was not sent.",
            "Take out what it found, or change the rule in the input filter.",
            hits=hits,
            rule=hit.rule,
        )


def _unsafe(hit: Hit) -> bool:
    # A rule that should have taken something out, and cannot say what.
    return hit.unfinished and hit.action != "flag"
