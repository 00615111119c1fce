"""The passages of long documents that matter for a question: BM25 over pieces of about 1,200 characters.

How many are given was measured: `tests/unit/app/chat/documents/test_retrieval_measured.py`.
"""

import math
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from app.database.full_text import WORD_CHARACTER, indexed, pairs_of

PASSAGE_CHARACTERS = 1200
DENSE_CHARACTERS = 400
"""The same in a script of which each character is a word."""
MOST_HELPFUL = 8
LEAST_HELPFUL = 4
HELPFUL_SHARE = 0.4
"""Of the best passage's score: what has less is given only among the `LEAST_HELPFUL`."""
WINDOW_WORDS = 25
"""The words of a question count more where they stand as near to each other as in a sentence or two."""
MOST_WORDS = 200
_PARAGRAPH_END = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")
_SECTION_START = re.compile(r"^(?=#{1,6}[ \t])|(?<=\f)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_THE_WHOLE = re.compile(
    r"\b(summar(y|ies|i[sz]e|i[sz]ing)|overview|tl;?dr)\b|总结|概括|概述|摘要|全文|梗概", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters `start` to `end` of the document with this index."""

    document: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage by its index, and how well it fits."""

    index: int
    score: float


def passages_of(document: int, text: str) -> list[Passage]:
    """`text` cut where sections, pages, paragraphs, sentences or, where there are none, words end."""
    passages = []
    start = 0
    while start < len(text):
        end = _cut(text, start)
        if text[start:end].strip():
            passages.append(Passage(document, start, end))
        start = end
    return passages


def best_passages(texts: Sequence[str], question: str, most: int) -> list[Passage]:
    """The passages that help with the question, the best first: `most` at most, and fewer where few do.

    Where it asks for the whole, or no word of it occurs, the documents' beginnings in their order.
    """
    passages = [passage for number, text in enumerate(texts) for passage in passages_of(number, text)]
    if not asks_for_the_whole(question):
        helpful = helpful_of(ranked_by_words(texts, passages, question))
        if helpful:
            return [passages[index] for index in helpful[:most]]
    return beginnings(passages, most)


def asks_for_the_whole(question: str) -> bool:
    """Tell whether a question is for all that a document says: no passage of it helps more than another."""
    return _THE_WHOLE.search(question) is not None


def beginnings(passages: Sequence[Passage], most: int) -> list[Passage]:
    """The first `most` passages, as many of each document, in their order."""
    places: Counter[int] = Counter()
    by_place = []
    for passage in passages:
        by_place.append((places[passage.document], passage.document, passage))
        places[passage.document] += 1
    first = [passage for _, _, passage in sorted(by_place, key=lambda entry: entry[:2])[:most]]
    return sorted(first, key=lambda passage: (passage.document, passage.start))


def helpful_of(ranked: Sequence[Ranked]) -> list[int]:
    """The indices of the passages that are near enough to the best, in their order."""
    least = HELPFUL_SHARE * ranked[0].score if ranked else 0.0
    return [
        one.index
        for place, one in enumerate(ranked[:MOST_HELPFUL])
        if place < LEAST_HELPFUL or one.score >= least
    ]


def ranked_by_words(texts: Sequence[str], passages: Sequence[Passage], question: str) -> list[Ranked]:
    """The passages that hold words of the question, the best first."""
    words = _WORD.findall(indexed(question))
    terms = list(dict.fromkeys([*words, *pairs_of(question)]))[:MOST_WORDS]
    if not terms:
        return []
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(
            "CREATE VIRTUAL TABLE passages USING fts5 (text, tokenize = 'porter unicode61');"
            "CREATE VIRTUAL TABLE places USING fts5vocab (passages, instance);"
            "CREATE VIRTUAL TABLE questions USING fts5 (text, tokenize = 'porter unicode61');"
            "CREATE VIRTUAL TABLE asked USING fts5vocab (questions, row);"
        )
        db.execute("INSERT INTO questions (text) VALUES (?)", (" ".join(words[:MOST_WORDS]),))
        db.executemany(
            "INSERT INTO passages (rowid, text) VALUES (?, ?)",
            (
                (number, indexed(texts[passage.document][passage.start : passage.end]))
                for number, passage in enumerate(passages)
            ),
        )
        rows = db.execute(
            "SELECT rowid, -rank FROM passages WHERE passages MATCH ?",
            (" OR ".join(f'"{term}"' for term in terms),),
        ).fetchall()
        near = _nearness(db, len(passages))
    ranked = [Ranked(number, score + near.get(number, 0.0)) for number, score in rows]
    return sorted(ranked, key=lambda one: (-one.score, one.index))


def _nearness(db: sqlite3.Connection, count: int) -> dict[int, float]:
    """For each passage the rarity of the question's words that stand within one window, at their best."""
    rarities: dict[str, float] = {}
    found: dict[int, list[tuple[int, str]]] = {}
    for (term,) in db.execute("SELECT term FROM asked").fetchall():
        places = db.execute("SELECT doc, offset FROM places WHERE term = ?", (term,)).fetchall()
        holding = len({number for number, _ in places})
        rarities[term] = math.log(1 + (count - holding + 0.5) / (holding + 0.5))
        for number, offset in places:
            found.setdefault(number, []).append((offset, term))
    return {number: _best_window(places, rarities) for number, places in found.items()}


def _best_window(places: list[tuple[int, str]], rarities: Mapping[str, float]) -> float:
    """The largest sum of the rarities of different words within a window."""
    places.sort()
    inside: Counter[str] = Counter()
    best = total = 0.0
    first = 0
    for offset, term in places:
        if not inside[term]:
            total += rarities[term]
        inside[term] += 1
        while offset - places[first][0] >= WINDOW_WORDS:
            inside[places[first][1]] -= 1
            if not inside[places[first][1]]:
                total -= rarities[places[first][1]]
            first += 1
        best = max(best, total)
    return best


def _cut(text: str, start: int) -> int:
    longest = _longest(text, start)
    limit = start + longest
    # A passage of a few words says too little.
    least = start + longest // 3
    section = _SECTION_START.search(text, max(least, start + 1), min(limit, len(text)))
    if section is not None:
        return section.start()
    if limit >= len(text):
        return len(text)
    for pattern in (_PARAGRAPH_END, _SENTENCE_END):
        ends = [match.end() for match in pattern.finditer(text, start, limit)]
        if ends and ends[-1] >= least:
            return ends[-1]
    space = text.rfind(" ", least, limit)
    return space + 1 if space > 0 else limit


def _longest(text: str, start: int) -> int:
    window = text[start : start + PASSAGE_CHARACTERS]
    is_dense = 2 * len(WORD_CHARACTER.findall(window)) > len(window)
    return DENSE_CHARACTERS if is_dense else PASSAGE_CHARACTERS
