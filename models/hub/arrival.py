"""The part of a file that has arrived from a hub so far."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """The first `bytes` of the file `name` can be read, in its part or under its own name.

    `attempt` counts the downloads of the file: one that arrived damaged comes again, from the start. Only a
    `verified` file is known to be what the repository names; it is whole, and has its own name.
    """

    name: str
    bytes: int
    attempt: int
    verified: bool = False


OnArrival = Callable[[Arrival], None]


def ignore_arrival(arrival: Arrival) -> None:
    """Ignore it, where nothing reads a file before it is whole."""
