"""Passages and questions as vectors of the user's embedding model, and both rankings made one."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.base.errors import EngineError
from app.chat.documents.retrieval import (
    MOST_HELPFUL,
    Passage,
    asks_for_the_whole,
    beginnings,
    helpful_of,
    passages_of,
    ranked_by_words,
)
from app.chat.store.database import ChatDatabase
from app.chat.store.records import Attachment
from models.system.regular_file import open_regular

log = logging.getLogger(__name__)

Embed = Callable[[str], Awaitable[bytes]]
"""A text as a vector of length 1: little-endian 32-bit floats."""

FUSION_K = 60
"""The constant of reciprocal rank fusion, as in its paper: https://dl.acm.org/doi/10.1145/1571941.1572114"""
NEAREST_MEANINGS = 2
"""So many passages are given for their meaning, whatever words they hold; measured as in `retrieval`."""
_SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """The model that makes the vectors; those of another `fingerprint` are of no use with it."""

    fingerprint: str
    embed: Embed


def model_fingerprint(path: Path) -> str:
    """Tells an embedding model by its file's size, beginning and end. Raises `OSError`."""
    digest = hashlib.sha256(str(path.stat().st_size).encode())
    with open_regular(path) as file:
        digest.update(file.read(_SAMPLE_BYTES))
        file.seek(max(0, path.stat().st_size - _SAMPLE_BYTES))
        digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


class PassageVectors:
    """The vectors that are kept, with the documents that they belong to: they are deleted with them.

    Coroutines of one thread; the disk is used on worker threads.
    """

    def __init__(self, database: ChatDatabase) -> None:
        self._database = database

    async def best_passages(
        self, attachments: Sequence[Attachment], question: str, most: int, model: EmbeddingModel
    ) -> list[Passage]:
        """The passages that help with the question by their words or by their meaning, the best first: `most`
        at most. What has no vector yet gets one now. Raises `EngineError`.
        """
        texts = [attachment.text for attachment in attachments]
        passages = [passage for number, text in enumerate(texts) for passage in passages_of(number, text)]
        if asks_for_the_whole(question):
            return beginnings(passages, most)
        words = await asyncio.to_thread(ranked_by_words, texts, passages, question)
        vectors = await self._vectors(attachments, passages, model)
        asked = await model.embed(question)
        meaning = await asyncio.to_thread(_ranked_by_vectors, asked, vectors)
        helpful = {*helpful_of(words), *meaning[:NEAREST_MEANINGS]}
        ranked = [number for number in fused([[one.index for one in words], meaning]) if number in helpful]
        return [passages[number] for number in ranked[: min(most, MOST_HELPFUL)]] or beginnings(
            passages, most
        )

    def count(self, attachment_id: int) -> int:
        """Count the vectors of a document that are kept."""
        [(kept,)] = self._database.read(
            "SELECT count(*) FROM passage_vectors WHERE attachment_id = ?", (attachment_id,)
        )
        return int(kept)

    async def _vectors(
        self, attachments: Sequence[Attachment], passages: Sequence[Passage], model: EmbeddingModel
    ) -> list[bytes | None]:
        kept: dict[tuple[int, int, int], bytes] = {}
        for attachment in attachments:
            rows = await asyncio.to_thread(
                self._database.read,
                "SELECT start, end, vector FROM passage_vectors WHERE attachment_id = ? AND model = ?",
                (attachment.id, model.fingerprint),
            )
            kept |= {(attachment.id, start, end): vector for start, end, vector in rows}
        found: list[bytes | None] = []
        for passage in passages:
            attachment = attachments[passage.document]
            key = (attachment.id, passage.start, passage.end)
            vector = kept.get(key)
            if vector is None:
                try:
                    vector = await model.embed(attachment.text[passage.start : passage.end])
                except EngineError as error:
                    # Longer than the model takes: its words still count.
                    log.info("a passage has no vector: %s", error)
                else:
                    await asyncio.to_thread(self._keep, key, vector, model.fingerprint)
            found.append(vector)
        return found

    def _keep(self, key: tuple[int, int, int], vector: bytes, fingerprint: str) -> None:
        with self._database.writing() as db:
            # Nothing for a document that was taken away meanwhile.
            db.execute(
                "INSERT OR REPLACE INTO passage_vectors (attachment_id, start, end, model, vector)"
                " SELECT id, ?, ?, ?, ? FROM attachments WHERE id = ?",
                (key[1], key[2], fingerprint, vector, key[0]),
            )


def fused(rankings: Sequence[Sequence[int]]) -> list[int]:
    """Several rankings as one, by reciprocal rank fusion; what stands in one of them only counts too."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for place, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + 1.0 / (FUSION_K + place)
    return sorted(scores, key=lambda number: (-scores[number], number))


def _ranked_by_vectors(asked: bytes, vectors: Sequence[bytes | None]) -> list[int]:
    import numpy as np

    question = np.frombuffer(asked, "<f4")
    scores = [
        (float(np.frombuffer(vector, "<f4") @ question), number)
        for number, vector in enumerate(vectors)
        if vector is not None and len(vector) == len(asked)
    ]
    return [number for _, number in sorted(scores, key=lambda score: (-score[0], score[1]))]
