"""Our scores beside the reference libraries' on 200 cases, and F1 and Wilson beside their definitions."""

import random

import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from app.bench.quality.scores.bleu import (
    BleuCounts,
    bleu_counts,
    bleu_interval,
    bleu_words,
    corpus_bleu,
    sentence_bleu,
)
from app.bench.quality.scores.f1 import class_scores, macro_f1, macro_f1_interval
from app.bench.quality.scores.rouge import rouge_l
from app.bench.quality.scores.wilson import wilson
from app.bench.results.statistics import redrawn
from converters.quality.measuring_client import held_out_text

HAND_MADE = [
    ("The cat sat on the mat.", "The cat sat on the mat."),
    ("The cat sat on the mat.", "the the the the the the the"),
    ("It costs $1,299.50 (tax included), doesn't it?", "It cost $1,299.50, tax included; does it not?"),
    ("a", "a"),
    ("a", ""),
    ("", "a"),
    ("", ""),
    ("one two three", "four five six"),
    ("state-of-the-art, 3-4 people", "state of the art, 3 - 4 people"),
    ("Fish &amp; chips &lt;hot&gt;", "Fish & chips <hot>"),
    ("Müller fährt nach Köln.", "Mueller fährt nach Koeln."),
    ("我喜欢猫。", "我喜欢狗。"),
    ("line one\nline two", "line one line two"),
    ("half-\nway", "halfway"),
    ("x^2 + y^2 = z^2", "x^2+y^2=z^2"),
    ("...", "…"),
]


def cases() -> list[tuple[str, str]]:
    """200 pairs: hand-made ones, and sentences that were cut, mixed and misspelt by a fixed die."""
    die = random.Random(20261126)
    sentences = [
        sentence.strip()
        for sentence in held_out_text().read_text("utf-8").replace("\n", " ").split(". ")
        if 4 <= len(sentence.split()) <= 60
    ]
    made = list(HAND_MADE)
    while len(made) < 200:
        reference = die.choice(sentences)
        words = reference.split()
        for _ in range(die.randrange(0, len(words))):
            place = die.randrange(len(words))
            change = die.randrange(4)
            if change == 0:
                words[place] = die.choice(die.choice(sentences).split())
            elif change == 1 and len(words) > 1:
                del words[place]
            elif change == 2:
                words.insert(place, words[die.randrange(len(words))])
            else:
                words[place] = words[place].upper()
        made.append((reference, " ".join(words)))
    return made


def test_rouge_l_is_that_of_rouge_score() -> None:
    scorer = RougeScorer(["rougeL"])
    for reference, reply in cases():
        theirs, ours = scorer.score(reference, reply)["rougeL"], rouge_l(reference, reply)
        assert (ours.precision, ours.recall, ours.f1) == pytest.approx(
            (theirs.precision, theirs.recall, theirs.fmeasure), abs=1e-12
        )


def test_bleu_is_that_of_sacrebleu() -> None:
    sentence, corpus = BLEU(effective_order=True), BLEU()
    for reference, reply in cases():
        theirs = sentence.sentence_score(reply, [reference]).score
        assert sentence_bleu(reference, reply) == pytest.approx(theirs, abs=1e-9), (reference, reply)
    all_cases = cases()
    for start in range(0, 200, 20):
        part = all_cases[start : start + 20]
        whole = corpus.corpus_score([reply for _, reply in part], [[reference for reference, _ in part]])
        assert corpus_bleu(part) == pytest.approx(whole.score, abs=1e-9)


def test_bleu_words_are_those_of_mteval() -> None:
    assert bleu_words('Say "3.14, 2-3 (or 1,000)".') == [
        *("Say", '"', "3.14", ",", "2", "-", "3", "(", "or", "1,000", ")", '"', "."),
    ]


def test_macro_f1_by_its_definition_on_200_cases() -> None:
    die = random.Random(7)
    for _ in range(200):
        labels = "abcde"[: die.randrange(2, 6)]
        expected = [die.choice(labels) for _ in range(die.randrange(1, 40))]
        found = [die.choice([*labels, "none of them"]) for _ in expected]
        by_hand = []
        for label in sorted(set(expected)):
            true = sum(e == f == label for e, f in zip(expected, found, strict=True))
            false = sum(e != label == f for e, f in zip(expected, found, strict=True))
            missed = sum(e == label != f for e, f in zip(expected, found, strict=True))
            precision = true / (true + false) if true + false else 0.0
            recall = true / (true + missed)
            both = precision + recall
            by_hand.append(2 * precision * recall / both if both else 0.0)
        assert macro_f1(expected, found) == pytest.approx(sum(by_hand) / len(by_hand))


def test_an_answer_without_a_class_is_missed_and_no_class() -> None:
    [only] = class_scores(["refund", "refund"], ["refund", ""])
    assert (only.precision, only.recall, only.support) == (1.0, 0.5, 2)


def test_wilson_intervals() -> None:
    # Newcombe, Stat. Med. 17 (1998), table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611)}
    published[1, 29] = (0.0061, 0.1718)
    for (right, n), (low, high) in published.items():
        assert (wilson(right, n).low, wilson(right, n).high) == pytest.approx((low, high), abs=5e-5)


def test_few_items_are_not_conclusive() -> None:
    assert not wilson(5, 10).is_conclusive
    assert not wilson(0, 0).is_conclusive
    assert wilson(250, 500).is_conclusive


def test_the_interval_of_macro_f1_is_that_of_its_own_draws() -> None:
    rng = random.Random(4)
    labels = ["a", "b", "c"]
    expected = [rng.choice(labels) for _ in range(60)]
    found = [label if rng.random() < 0.7 else rng.choice([*labels, ""]) for label in expected]
    low, high = macro_f1_interval(expected, found)
    by_hand = []
    for row in redrawn(60)[:50]:
        chosen = [place for place, times in enumerate(row) for _ in range(times)]
        by_hand.append(macro_f1([expected[place] for place in chosen], [found[place] for place in chosen]))
    assert low < macro_f1(expected, found) < high
    assert sum(low <= value <= high for value in by_hand) >= 45


def test_the_interval_of_bleu_holds_the_score_and_narrows_with_more_items() -> None:
    rng = random.Random(5)
    words = ["the", "sum", "of", "all", "digits", "is", "even", "so", "number", "can", "be", "halved"]

    def counts(n: int) -> list[BleuCounts]:
        made = []
        for _ in range(n):
            reference = [rng.choice(words) for _ in range(20)]
            reply = [word if rng.random() < 0.8 else rng.choice(words) for word in reference]
            made.append(bleu_counts(" ".join(reference), " ".join(reply)))
        return made

    widths = []
    for n in (20, 200):
        items = counts(n)
        low, high = bleu_interval(items)
        assert low < sum(items, BleuCounts()).score() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_equal_items_have_no_interval_to_speak_of() -> None:
    assert macro_f1_interval(["a"] * 12, ["a"] * 12) == (1.0, 1.0)
    one = bleu_counts("a b c d e", "a b c d e")
    assert bleu_interval([one] * 12) == pytest.approx((100.0, 100.0))
