"""A guess at the next tokens of a reply, which the model then checks in one batch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guess:
    """`tokens` that may come next; a higher `confidence` (a class of guesses, not a share) is right more
    often."""

    tokens: tuple[int, ...] = ()
    confidence: int = 0


NO_GUESS = Guess()
