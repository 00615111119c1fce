"""Numbers and names on the command line, checked as they are read."""

import argparse
from collections.abc import Callable
from typing import TypeVar

from app.settings import LIMITS
from models.sizes import FULL_PRECISION, QUANTISATIONS

N = TypeVar("N", int, float)

TYPES = (*QUANTISATIONS, *FULL_PRECISION)


def whole(setting: str) -> Callable[[str], int]:
    """Reads a whole number within the limits of `setting`."""
    low, high = LIMITS[setting]

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text} is no whole number") from None
        return _within(number, low, high)

    return read


def decimal(setting: str) -> Callable[[str], float]:
    """Reads a number within the limits of `setting`."""
    low, high = LIMITS[setting]

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text} is no number") from None
        return _within(number, low, high)

    return read


def at_least_one(text: str) -> int:
    """Reads a whole number from 1."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def quantisation(text: str) -> str:
    """Reads a type that a checkpoint can be built in, in any letter case."""
    name = text.upper()
    if name not in TYPES:
        raise argparse.ArgumentTypeError(f"{text} is no type that Stillroom builds: {', '.join(TYPES)}")
    return name


def _within(number: N, low: float, high: float) -> N:
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{number} is not from {low:.12g} to {high:.12g}")
    return number
