"""Numbers and names on the command line, checked as they are read."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from app.engine.protocol import Lora, ThinkingLimits
from app.engine.protocol.generate_checks import LARGEST_SCALE
from app.settings import LIMITS
from models.quantisation.quantisation_types import FULL_PRECISION, QUANTISATIONS
from models.quantisation.size_range import LEAST_BITS, MOST_BITS
from models.system.units import bytes_of

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


def adapter(text: str) -> Lora:
    """Reads FILE or FILE:SCALE, of a LoRA adapter."""
    name, colon, scale = text.rpartition(":")
    try:
        lora = Lora(name, float(scale)) if colon else Lora(text)
    except ValueError:
        # The colon belongs to the name, as in C:\\adapter.gguf.
        lora = Lora(text)
    path = Path(lora.path).expanduser().absolute()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {lora.path}")
    return Lora(str(path), _within(lora.scale, -LARGEST_SCALE, LARGEST_SCALE))


def thinking_budget(text: str) -> ThinkingLimits:
    """Reads a budget in tokens ("2000") or in seconds ("30s")."""
    try:
        number = float(text.removesuffix("s")) if text.endswith("s") else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is neither tokens (2000) nor seconds (30s)") from None
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is no budget; --no-thinking leaves the thinking out")
    return ThinkingLimits(seconds=number) if isinstance(number, float) else ThinkingLimits(tokens=number)


def file_size(text: str) -> int:
    """Reads the size of a file: "4.1GB", "900MB"."""
    try:
        return bytes_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no size; 4.1GB and 900MB are") from None


def weight_bits(text: str) -> float:
    """Reads bits a weight, to the hundredth: "4.5"."""
    try:
        bits = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no number of bits; 4.5 is") from None
    return round(_within(bits, LEAST_BITS, MOST_BITS), 2)


def file_text(text: str) -> str:
    """Reads the text of a file."""
    try:
        return Path(text).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error}") from None


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
