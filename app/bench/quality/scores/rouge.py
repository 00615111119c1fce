"""ROUGE-L: how much of a reference a reply says in the same order, equal to rouge-score's "rougeL".

Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", https://aclanthology.org/W04-1013
"""

import re
from collections.abc import Sequence
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


def longest_common(a: Sequence[object], b: Sequence[object]) -> int:
    """The length of the longest common subsequence, in memory of one row."""
    row = [0] * (len(b) + 1)
    for one in a:
        diagonal = 0
        for place, other in enumerate(b, start=1):
            above = row[place]
            row[place] = diagonal + 1 if one == other else max(above, row[place - 1])
            diagonal = above
    return row[-1]


def _words(text: str) -> list[str]:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).split()
