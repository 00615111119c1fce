"""The parts that every kind of trace is told with: drawn numbers, two voices, R1's template."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"
"""R1's template around the turns. Its vocabularies hold these and the thinking's tags as tokens that plain
text is split at; those that begin and end a text are for the tokeniser to set."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A question, the thinking, and the answer that it comes to."""

    question: str
    thinking: str
    answer: str

    def text(self) -> str:
        """Return it as R1's template writes it."""
        return f"{USER}{self.question}{ASSISTANT}<think>\n{self.thinking}\n</think>\n\n{self.answer}"


class Teller:
    """Draws the numbers of a trace and has a voice of its own: two voices share no sentence."""

    def __init__(self, seed: str, voice: int) -> None:
        self._die = random.Random(seed)
        self._voice = voice

    def say(self, first: str, second: str) -> str:
        """Return the sentence of this voice; of several, with `‖` between them, one is drawn."""
        return self._die.choice((first, second)[self._voice].split("‖"))

    def of(self, first: Sequence[T], second: Sequence[T]) -> T:
        """Draw from what this voice speaks of."""
        return self._die.choice((first, second)[self._voice])

    def some(self, first: Sequence[T], second: Sequence[T], count: int) -> list[T]:
        """Draw several different ones from what this voice speaks of."""
        return self._die.sample((first, second)[self._voice], count)

    def number(self, least: int, most: int) -> int:
        """Draw a whole number."""
        return self._die.randint(least, most)

    def numbers(self, least: int, most: int, count: int) -> list[int]:
        """Draw several different whole numbers."""
        return self._die.sample(range(least, most + 1), count)


def told(*parts: str) -> str:
    """Join sentences to a paragraph."""
    return " ".join(part for part in parts if part)


def lines(*parts: str) -> str:
    """Join paragraphs."""
    return "\n".join(part for part in parts if part)
