"""How far a drift check is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriftProgress:
    """`done` of `total` answers; 0 of 0 while the file is read."""

    done: int
    total: int
