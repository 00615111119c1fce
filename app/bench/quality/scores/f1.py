"""F1 of a classification: each class by itself, and their plain mean (macro F1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.bench.results.statistics import middle, redrawn


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: `support` is how often it was right to name it. Shares are 0 where nothing was named."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


def class_scores(expected: Sequence[str], found: Sequence[str]) -> list[ClassScore]:
    """Every class that was expected, in alphabetical order. What is found besides them (an answer that names
    no class) is a mistake for the class that was expected, and no class of its own."""
    pairs = list(zip(expected, found, strict=True))
    scores = []
    for label in sorted(set(expected)):
        right = pairs.count((label, label))
        support = sum(one == label for one, _ in pairs)
        named = sum(other == label for _, other in pairs)
        precision = right / named if named else 0.0
        recall = right / support
        f1 = 2 * right / (support + named)
        scores.append(ClassScore(label, precision, recall, f1, support))
    return scores


def macro_f1(expected: Sequence[str], found: Sequence[str]) -> float:
    """The mean of the classes' F1, 0 to 1; every class counts the same, however rare."""
    scores = class_scores(expected, found)
    return sum(score.f1 for score in scores) / len(scores)


def macro_f1_interval(expected: Sequence[str], found: Sequence[str]) -> tuple[float, float]:
    """The 95% interval of `macro_f1`, by drawing the items anew; of at least one item."""
    import numpy as np  # slow to load, and the window's start does without

    draws = redrawn(len(expected))
    labels = sorted(set(expected))
    wanted = np.array([[label == one for label in labels] for one in expected], np.int64)
    named = np.array([[label == one for label in labels] for one in found], np.int64)
    right, both = draws @ (wanted * named), draws @ (wanted + named)
    there = draws @ wanted > 0
    f1 = 2 * right / np.maximum(both, 1)
    return middle((f1.sum(axis=1, where=there) / there.sum(axis=1)).tolist())
