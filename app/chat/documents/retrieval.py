"""The passages of long documents that matter for a question: BM25 over pieces of about 1,200 characters."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from app.chat.documents.search_text import indexed

PASSAGE_CHARACTERS = 1200
_PARAGRAPH_END = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters `start` to `end` of the document with this index."""

    document: int
    start: int
    end: int


def passages_of(document: int, text: str) -> list[Passage]:
    """`text` cut at the ends of paragraphs, sentences or, where there are none, words."""
    passages = []
    start = 0
    while start < len(text):
        end = _cut(text, start)
        if text[start:end].strip():
            passages.append(Passage(document, start, end))
        start = end
    return passages


def best_passages(texts: Sequence[str], question: str, most: int) -> list[Passage]:
    """Up to `most` passages that fit the question best, in the order of the documents.

    Where no word of the question occurs, the documents' beginnings.
    """
    passages = [passage for number, text in enumerate(texts) for passage in passages_of(number, text)]
    ranked = ranked_by_words(texts, passages, question)
    chosen = [passages[number] for number in ranked[:most]] or passages[:most]
    return sorted(chosen, key=lambda passage: (passage.document, passage.start))


def ranked_by_words(texts: Sequence[str], passages: Sequence[Passage], question: str) -> list[int]:
    """The passages that hold words of the question, the best first, as indices."""
    words = list(dict.fromkeys(_WORD.findall(indexed(question))))[:200]
    if not words:
        return []
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE VIRTUAL TABLE passages USING fts5 (text, tokenize = 'porter unicode61')")
        db.executemany(
            "INSERT INTO passages (rowid, text) VALUES (?, ?)",
            (
                (number, indexed(texts[passage.document][passage.start : passage.end]))
                for number, passage in enumerate(passages)
            ),
        )
        rows = db.execute(
            "SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY rank",
            (" OR ".join(f'"{word}"' for word in words),),
        )
        return [number for (number,) in rows]


def _cut(text: str, start: int) -> int:
    limit = start + PASSAGE_CHARACTERS
    if limit >= len(text):
        return len(text)
    for pattern in (_PARAGRAPH_END, _SENTENCE_END):
        ends = [match.end() for match in pattern.finditer(text, start, limit)]
        # A passage of a few words says too little.
        if ends and ends[-1] - start >= PASSAGE_CHARACTERS // 3:
            return ends[-1]
    space = text.rfind(" ", start + PASSAGE_CHARACTERS // 3, limit)
    return space + 1 if space > 0 else limit
