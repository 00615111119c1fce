"""Texts as vectors, by the real llama.cpp in the engine's own process."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from app.base.errors import EngineError
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings, Part
from tests.support.api import loaded_engine
from tests.support.engines import ANSWER_TIMEOUT_S, GREEDY, STORY, starter_path
from tests.support.starter_variants import write_embedding_model
from tests.support.tiny_bert import CLS, CONTEXT_TOKENS, HIDDEN, SEP, write_bert_model

SETTINGS = LoadSettings(context_tokens=256, threads=1, sequences=1)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineClient]:
    file = write_embedding_model(tmp_path_factory.mktemp("embedding") / "embedding.gguf")
    with loaded_engine(SETTINGS, str(file)) as client:
        yield client


def vector(client: EngineClient, text: str) -> npt.NDArray[np.float32]:
    return np.frombuffer(client.embed([Part(text)]).result(ANSWER_TIMEOUT_S).vector, "<f4")


def test_a_vector_has_the_length_one_and_belongs_to_its_text(client: EngineClient) -> None:
    assert client.state.model is not None
    assert client.state.model.pooling == "mean"
    cat, kitten, law = (
        vector(client, text)
        for text in ("The cat sleeps.", "The kitten is sleeping.", "Taxes are due in April under the law.")
    )
    assert cat.shape == (576,)
    assert np.linalg.norm(cat) == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(cat, vector(client, "The cat sleeps."))
    assert cat @ kitten > cat @ law


def test_it_is_the_mean_over_the_tokens(client: EngineClient) -> None:
    # Of one token the mean is its own vector, wherever that comes from.
    tokens = client.tokenize([Part("word")]).result(ANSWER_TIMEOUT_S)
    answer = client.embed(tokens=tokens).result(ANSWER_TIMEOUT_S)
    assert answer.tokens == len(tokens)
    assert np.allclose(np.frombuffer(answer.vector, "<f4"), vector(client, "word"), atol=1e-6)


def test_replies_go_on_beside_it(client: EngineClient) -> None:
    before = client.generate(STORY, sampling=GREEDY, max_tokens=8).future
    vector(client, "Something else.")
    assert before.result(ANSWER_TIMEOUT_S).stats.completion_tokens == 8


def test_what_is_too_long_or_empty_is_refused(client: EngineClient) -> None:
    with pytest.raises(EngineError, match="256 at most"):
        vector(client, "word " * 300)
    with pytest.raises(EngineError, match="empty"):
        vector(client, "")


def test_a_model_that_only_writes_is_refused() -> None:
    with (
        loaded_engine(SETTINGS, starter_path()) as client,
        pytest.raises(EngineError, match="no embedding model"),
    ):
        vector(client, "Hello")


def test_an_encoder_makes_vectors_and_says_that_it_does_not_write(tmp_path: Path) -> None:
    with loaded_engine(SETTINGS, str(write_bert_model(tmp_path / "bert.gguf"))) as client:
        info = client.state.model
        assert info is not None
        assert (info.architecture, info.pooling) == ("bert", "cls")
        cat, dog = vector(client, "the cat sleeps"), vector(client, "the dog runs")
        assert cat.shape == (HIDDEN,)
        assert np.linalg.norm(cat) == pytest.approx(1.0, abs=1e-5)
        assert np.array_equal(cat, vector(client, "The cat sleeps"))
        assert not np.allclose(cat, dog, atol=1e-2)
        # [CLS] and [SEP] around the words, as llama.cpp's own tools have them.
        answer = client.embed([Part("the cat sleeps")]).result(ANSWER_TIMEOUT_S)
        whole = client.embed(tokens=[CLS, 4, 5, 6, SEP]).result(ANSWER_TIMEOUT_S)
        assert answer == msgspec.structs.replace(whole, request_id=answer.request_id)
        with pytest.raises(EngineError, match=f"{CONTEXT_TOKENS} at most"):
            vector(client, "the cat " * (CONTEXT_TOKENS // 2))
        with pytest.raises(EngineError, match="makes vectors of texts"):
            client.generate([Part("the cat")], max_tokens=4).future.result(ANSWER_TIMEOUT_S)
        # It lives on.
        assert np.array_equal(cat, vector(client, "the cat sleeps"))
