"""The choice of passages, measured on a small set of questions over documents of our own.

`tests/data/retrieval`: a manual with pages, a handbook of thirty towns that say nearly the same, two of our
documents as they were, rules in Chinese; and the mixed texts that models are measured with. `TUNED` are those
by which the numbers in `retrieval` were chosen; the others are held out.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.chat.documents.retrieval import best_passages, helpful_of, passages_of, ranked_by_words

ROOT = Path(__file__).parents[5]
DATA = ROOT / "tests" / "data" / "retrieval"
TUNED = ("manual.txt", "packaging.md", "cities.md")
MOST = 27
"""The room of a context of 16,384 tokens."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of `questions`: the share whose right passage is among the first, and among those given."""

    questions: int
    recall_at_1: float
    recall_at_3: float
    recall_at_5: float
    recall_given: float
    given: float
    most_given: int
    characters: float


def measure(documents: list[tuple[str, list[dict[str, str]]]]) -> Measured:
    ranks: list[int] = []
    given: list[int] = []
    found = 0
    characters = 0
    for name, questions in documents:
        path = ROOT / "resources" / "texts" / name if name == "held_out.txt" else DATA / name
        text = path.read_text(encoding="utf-8")
        passages = passages_of(0, text)
        for asked in questions:
            answer = text.index(asked["answer"])
            [right] = [number for number, each in enumerate(passages) if each.start <= answer < each.end]
            ranked = ranked_by_words([text], passages, asked["question"])
            order = [one.index for one in ranked]
            ranks.append(order.index(right) if right in order else len(passages))
            best = best_passages([text], asked["question"], MOST)
            assert [passages[index] for index in helpful_of(ranked)] == best
            given.append(len(best))
            found += passages[right] in best
            characters += sum(each.end - each.start for each in best)
    count = len(ranks)
    return Measured(
        count,
        *(sum(rank < most for rank in ranks) / count for most in (1, 3, 5)),
        found / count,
        sum(given) / count,
        max(given),
        characters / count,
    )


@pytest.mark.parametrize(("part", "questions"), [("tuned", 32), ("held out", 37)])
def test_the_right_passage_is_among_the_few_that_are_given(part: str, questions: int) -> None:
    entries = json.loads((DATA / "questions.json").read_text(encoding="utf-8"))
    measured = measure(
        [
            (entry["document"], entry["questions"])
            for entry in entries
            if (entry["document"] in TUNED) == (part == "tuned")
        ]
    )
    print(part, measured)
    assert measured.questions == questions
    assert measured.recall_given >= 0.95
    assert measured.recall_at_3 >= 0.8
    assert measured.given <= 5
    assert measured.characters <= 4600
