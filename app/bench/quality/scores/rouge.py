"""ROUGE-L: how much of a reference a reply says in the same order, equal to rouge-score's "rougeL".

Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", https://aclanthology.org/W04-1013
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RougeL:
    """Shares of words in the longest common subsequence, 0 to 1, and their harmonic mean."""

    precision: float
    recall: float
    f1: float


def rouge_l(reference: str, reply: str) -> RougeL:
    """The score of `reply`; words are runs of ASCII letters and digits, in lower case, without stemming."""
    wanted, said = _words(reference), _words(reply)
    if not wanted or not said:
        return RougeL(0.0, 0.0, 0.0)
    common = longest_common(wanted, said)
    precision, recall = common / len(said), common / len(wanted)
    f1 = 2 * precision * recall / (precision + recall) if common else 0.0
    return RougeL(precision, recall, f1)


def longest_common(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """The length of the longest common subsequence.

    A row of the table is the bits of one number. Hyyrö, "Bit-parallel LCS-length computation revisited",
    AWOCA 2004.
    """
    places: dict[Hashable, int] = {}
    for place, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(a)) - 1
    row = every
    for word in b:
        met = row & places.get(word, 0)
        row = (row + met | row - met) & every
    return len(a) - row.bit_count()


def _words(text: str) -> list[str]:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).split()
