"""BLEU, equal to sacrebleu's with its defaults (tokeniser 13a, exponential smoothing).

Papineni et al., https://aclanthology.org/P02-1040; Post, https://aclanthology.org/W18-6319. The tokeniser is
that of mteval-v13a, https://www.nist.gov/itl/iad/mig/metrics-machine-translation-evaluation.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.bench.results.statistics import middle, redrawn

ORDER = 4

_PUNCTUATION = re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])")
_POINT_AFTER = re.compile(r"([^0-9])([\.,])")
_POINT_BEFORE = re.compile(r"([\.,])([^0-9])")
_DASH = re.compile(r"([0-9])(-)")
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


@dataclass(frozen=True, slots=True)
class BleuCounts:
    """The counts behind the score of several replies: runs of 1 to 4 words that match, all runs, lengths."""

    matches: tuple[int, ...] = (0,) * ORDER
    totals: tuple[int, ...] = (0,) * ORDER
    reply_words: int = 0
    reference_words: int = 0

    def __add__(self, other: "BleuCounts") -> "BleuCounts":
        return BleuCounts(
            tuple(map(sum, zip(self.matches, other.matches, strict=True))),
            tuple(map(sum, zip(self.totals, other.totals, strict=True))),
            self.reply_words + other.reply_words,
            self.reference_words + other.reference_words,
        )

    def score(self, *, effective_order: bool = False) -> float:
        """BLEU, 0 to 100. `effective_order`, for single sentences, leaves out runs longer than the reply."""
        if not any(self.matches) or not self.reply_words:
            return 0.0
        logs, smooth, order = 0.0, 1.0, ORDER
        for place, (matched, total) in enumerate(zip(self.matches, self.totals, strict=True)):
            if total == 0:
                if effective_order:
                    order = place
                    break
                return 0.0
            if matched == 0:
                smooth *= 2
                logs += math.log(100 / (smooth * total))
            else:
                logs += math.log(100 * matched / total)
        short = self.reply_words < self.reference_words
        penalty = math.exp(1 - self.reference_words / self.reply_words) if short else 1.0
        return penalty * math.exp(logs / order)


def bleu_counts(reference: str, reply: str) -> BleuCounts:
    """Count what one reply against one reference adds to the score."""
    wanted, said = bleu_words(reference), bleu_words(reply)
    matches, totals = [], []
    for length in range(1, ORDER + 1):
        known, found = Counter(_runs(wanted, length)), Counter(_runs(said, length))
        matches.append((known & found).total())
        totals.append(max(0, len(said) - length + 1))
    return BleuCounts(tuple(matches), tuple(totals), len(said), len(wanted))


def sentence_bleu(reference: str, reply: str) -> float:
    """BLEU of one reply, 0 to 100."""
    return bleu_counts(reference, reply).score(effective_order=True)


def corpus_bleu(pairs: Iterable[tuple[str, str]]) -> float:
    """BLEU of several (reference, reply) pairs together, 0 to 100."""
    return sum((bleu_counts(reference, reply) for reference, reply in pairs), BleuCounts()).score()


def bleu_interval(items: Sequence[BleuCounts]) -> tuple[float, float]:
    """The 95% interval of the score of at least one item's counts together, by drawing the items anew."""
    counts = [[*one.matches, *one.totals, one.reply_words, one.reference_words] for one in items]
    sums = redrawn(len(items)) @ counts
    return middle(
        [
            BleuCounts(tuple(row[:ORDER]), tuple(row[ORDER : 2 * ORDER]), *row[2 * ORDER :]).score()
            for row in sums.tolist()
        ]
    )


def bleu_words(text: str) -> list[str]:
    """The words of mteval-v13a."""
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in text:
        for entity, character in _ENTITIES:
            text = text.replace(entity, character)
    text = _PUNCTUATION.sub(r" \1 ", f" {text} ")
    text = _POINT_AFTER.sub(r"\1 \2 ", text)
    text = _POINT_BEFORE.sub(r" \1 \2", text)
    return _DASH.sub(r"\1 \2 ", text).split()


def _runs(words: list[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + length]) for start in range(len(words) - length + 1)]
