"""Make the reasoning texts in resources/texts: one to calibrate with, one to measure with.

    python -m tests.support.make_reasoning_texts

R1 distills spend most of their tokens on thinking. The traces are our own (CC0): problems drawn by a seed and
solved by Python, so what they say is right, told in two voices. No sentence of one text is in the other, nor
in `calibration.txt` or `held_out.txt`. The kinds take turns, so each part of a text has something of all.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.traces import chinese, code, languages, mathematics
from tests.support.traces.telling import Teller, Trace

TEXTS = Path(__file__).parents[2] / "resources" / "texts"
CALIBRATION, HELD_OUT = "calibration_reasoning.txt", "held_out_reasoning.txt"
CALIBRATION_VOICE, HELD_OUT_VOICE = 0, 1
CALIBRATION_ROUNDS, HELD_OUT_ROUNDS = 5, 4
"""So often each kind of trace comes."""
KINDS = tuple(mathematics.KINDS + code.KINDS + languages.KINDS + chinese.KINDS)
SEPARATOR = "\n\n"

_LEAST_LATIN, _LEAST_HAN = 20, 8
"""Signs of a sentence; shorter ones (`return n`, "x = 3") are what mathematics and code are made of."""


def reasoning_texts() -> tuple[str, str]:
    """Return the text to calibrate with and the one to measure with."""
    known = frozenset().union(
        *(sentences((TEXTS / name).read_text("utf-8")) for name in ("calibration.txt", "held_out.txt"))
    )
    calibration = SEPARATOR.join(
        trace.text() for trace in traces("calibration", CALIBRATION_VOICE, CALIBRATION_ROUNDS, known)
    )
    known |= sentences(calibration)
    held_out = SEPARATOR.join(
        trace.text() for trace in traces("held out", HELD_OUT_VOICE, HELD_OUT_ROUNDS, known)
    )
    return calibration + "\n", held_out + "\n"


def traces(name: str, voice: int, rounds: int, known: frozenset[str]) -> Iterator[Trace]:
    """Tell `rounds` traces of each kind, in turns, without a sentence that is `known`.

    The same `name` draws the same problems.
    """
    for turn in range(rounds):
        for place in range(len(KINDS)):
            kind = KINDS[
                (place * 7 + turn) % len(KINDS)
            ]  # neighbours differ: 7 and their number share no factor
            attempt = 0
            while True:
                trace = kind(Teller(f"{name} {kind.__name__} {turn} {attempt}", voice))
                if not sentences(trace.text()) & known:
                    break
                attempt += 1
            yield trace


def sentences(text: str) -> frozenset[str]:
    """Return the sentences and lines of `text` that are long enough to be told from another's."""
    parts = re.split(r"(?<=[.!?:;])\s|(?<=[。！？；：])|\n|```|<｜\w+｜>|</?think>", text)
    return frozenset(part.strip() for part in parts if _long_enough(part.strip()))


def _long_enough(sentence: str) -> bool:
    han = sum("一" <= sign <= "鿿" for sign in sentence)
    return len(sentence) >= _LEAST_LATIN or han >= _LEAST_HAN


def main() -> None:
    """Write both texts."""
    for name, text in zip((CALIBRATION, HELD_OUT), reasoning_texts(), strict=True):
        (TEXTS / name).write_bytes(text.encode())
        print(f"{name}: {len(text.encode()):,} bytes")


if __name__ == "__main__":
    main()
