"""A guess at the next tokens of a reply, which the model then checks in one batch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guess:
    """`tokens` that may come next. Each has a kind (a class of guesses, not a share): tokens of one kind are
    right about equally often. `agreed` is how many tokens before the place it was found at are the same."""

    tokens: tuple[int, ...] = ()
    kinds: tuple[int, ...] = ()
    agreed: int = 0


NO_GUESS = Guess()

OF_A_MODEL = 0
"""The kind of what a small model guesses."""
