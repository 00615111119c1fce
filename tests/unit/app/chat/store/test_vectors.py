"""Retrieval by meaning beside words: kept vectors, fusion, a real embedding model."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from app.base.errors import EngineError
from app.chat.documents.retrieval import passages_of
from app.chat.store.store import ChatStore
from app.chat.store.vectors import EmbeddingModel, fused, model_fingerprint
from app.engine.protocol import LoadSettings, Part
from tests.support.api import loaded_engine
from tests.support.starter_variants import write_embedding_model

FILLER = "The committee met on a rainy day and spoke about the budget of the town at great length. " * 14
DOCUMENT = "\n\n".join([FILLER, "A kitten is sleeping on the warm windowsill. " * 20, FILLER])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    with closing(ChatStore(tmp_path / "chats.sqlite3")) as store:
        yield store


class Counted:
    """A model of two dimensions: about kittens, or not."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, text: str) -> bytes:
        self.asked.append(text)
        if "refuse" in text:
            raise EngineError("Too long.")
        about = 1.0 if "kitten" in text or "cat" in text.split() else 0.0
        return np.array([about, 1.0 - about], "<f4").tobytes()


def test_ranks_of_two_lists_are_added_up() -> None:
    assert fused([[1, 2, 3], [3, 2]]) == [3, 2, 1]
    assert fused([[], [5, 4]]) == [5, 4]
    assert fused([[0], [1]]) == [0, 1]


def test_a_passage_is_found_by_what_it_means_and_read_once(store: ChatStore) -> None:
    chat = store.create_conversation()
    attachment = store.attach(chat.id, "a.txt", DOCUMENT)
    counted = Counted()
    model = EmbeddingModel("one", counted.embed)
    found = asyncio.run(store.vectors.best_passages([attachment], "sleeping cat", 1, model))
    [passage] = found
    assert "kitten" in DOCUMENT[passage.start : passage.end]
    read = len(counted.asked)
    assert read == len(passages_of(0, DOCUMENT)) + 1
    asyncio.run(store.vectors.best_passages([attachment], "another cat", 1, model))
    assert len(counted.asked) == read + 1
    other = EmbeddingModel("two", counted.embed)
    asyncio.run(store.vectors.best_passages([attachment], "the cat", 1, other))
    assert len(counted.asked) == 2 * read + 1


def test_vectors_go_with_their_document(store: ChatStore) -> None:
    chat = store.create_conversation()
    attachment = store.attach(chat.id, "a.txt", DOCUMENT)
    model = EmbeddingModel("one", Counted().embed)
    asyncio.run(store.vectors.best_passages([attachment], "the cat", 1, model))
    assert store.vectors.count(attachment.id) > 0
    store.detach(attachment.id)
    assert store.vectors.count(attachment.id) == 0
    # One that is taken away while it is read leaves nothing either.
    asyncio.run(store.vectors.best_passages([attachment], "the cat", 1, model))
    assert store.vectors.count(attachment.id) == 0


def test_a_passage_without_a_vector_is_found_by_its_words(store: ChatStore) -> None:
    chat = store.create_conversation()
    attachment = store.attach(chat.id, "a.txt", f"{FILLER}\n\n{'Please refuse the zebra. ' * 30}\n\n{FILLER}")
    model = EmbeddingModel("one", Counted().embed)
    found = asyncio.run(store.vectors.best_passages([attachment], "zebra", 2, model))
    assert any("zebra" in attachment.text[passage.start : passage.end] for passage in found)


def test_a_real_embedding_model_finds_the_passage(store: ChatStore, tmp_path: Path) -> None:
    file = write_embedding_model(tmp_path / "embedding.gguf")
    fingerprint = model_fingerprint(file)
    assert fingerprint == model_fingerprint(file)
    settings = LoadSettings(context_tokens=512, threads=1, sequences=1)
    chat = store.create_conversation()
    attachment = store.attach(chat.id, "a.txt", DOCUMENT)
    with loaded_engine(settings, str(file)) as client:

        async def embed(text: str) -> bytes:
            return (await asyncio.wrap_future(client.embed([Part(text)]))).vector

        found = asyncio.run(
            store.vectors.best_passages(
                [attachment],
                "The cat is asleep by the window.",
                2,
                EmbeddingModel(fingerprint, embed),
            )
        )
    assert any("kitten" in DOCUMENT[passage.start : passage.end] for passage in found)
