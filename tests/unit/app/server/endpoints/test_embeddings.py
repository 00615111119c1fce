"""Embeddings by OpenAI's and Ollama's own clients, and the refusal of a model that makes none."""

import base64
from collections.abc import Iterator

import numpy as np
import ollama
import openai
import pytest

from app.audit.reading import newest_entries
from app.filters.filter_file import FilterFile
from app.filters.rule import FilterRule
from tests.support.api import KEY, SETTINGS, Api, loaded_engine, served
from tests.support.starter_variants import write_embedding_model


@pytest.fixture(scope="module")
def embedding_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = tmp_path_factory.mktemp("embeddings")
    file = write_embedding_model(home / "embedding.gguf")
    with loaded_engine(SETTINGS, str(file)) as client, served(client, home) as running:
        yield running


def test_openais_client_gets_the_vectors_in_both_forms(embedding_api: Api) -> None:
    with openai.OpenAI(base_url=f"{embedding_api.url}/v1", api_key=KEY, max_retries=0) as client:
        model = client.models.list().data[0].id
        both = client.embeddings.create(model=model, input=["The cat sleeps.", "Taxes are due."])
        again = client.embeddings.create(model=model, input="The cat sleeps.", encoding_format="float")
        coded = client.embeddings.create(model=model, input="The cat sleeps.", encoding_format="base64")
    assert [one.index for one in both.data] == [0, 1]
    assert both.usage.prompt_tokens > 4
    assert np.allclose(both.data[0].embedding, again.data[0].embedding)
    decoded = np.frombuffer(base64.b64decode(str(coded.data[0].embedding)), "<f4")
    assert np.allclose(decoded, again.data[0].embedding)
    assert np.linalg.norm(decoded) == pytest.approx(1.0, abs=1e-5)


def test_ollamas_client_gets_them_too(embedding_api: Api) -> None:
    client = ollama.Client(host=embedding_api.url, headers=embedding_api.headers)
    (model,) = client.list().models
    assert model.model is not None
    answer = client.embed(model.model, ["The cat sleeps.", "Taxes are due."])
    assert [len(one) for one in answer.embeddings] == [576, 576]
    assert client.show(model.model).capabilities == ["embedding"]
    client.close()


def test_the_filter_and_the_audit_log_see_the_texts(embedding_api: Api) -> None:
    filters = FilterFile(embedding_api.paths.filters)
    filters.keep([FilterRule(id="a", name="Secret", pattern="hunter2", action="block", on=True)])
    embedding_api.settings.update(audit=True)
    try:
        with embedding_api.http() as http:
            sent = http.post("/v1/embeddings", json={"input": ["A cat.", "A dog."]})
            ids = http.post("/v1/embeddings", json={"input": [504]})
            blocked = http.post("/v1/embeddings", json={"input": ["A cat.", "hunter2"]})
    finally:
        embedding_api.settings.update(audit=False)
        filters.keep([])
    assert [sent.status_code, ids.status_code, blocked.status_code] == [200, 400, 400]
    assert embedding_api.audit.flush()
    refused, reply, request = (entry.fields for entry in newest_entries(embedding_api.paths.audit))
    assert refused["outcome"] == "blocked"
    assert (request["task"], reply["outcome"], reply["id"]) == ("embedding", "embedded", request["id"])
    assert reply["prompt_tokens"] == sent.json()["usage"]["prompt_tokens"]


def test_a_model_that_only_writes_is_refused(api: Api) -> None:
    with api.http() as http:
        answer = http.post("/v1/embeddings", json={"model": "starter", "input": "Hello"})
        other = http.post("/api/embed", json={"model": "starter", "input": "Hello"})
    assert answer.status_code == other.status_code == 400
    assert "is no embedding model" in answer.json()["error"]["message"]
    assert "is no embedding model" in other.json()["error"]


def test_what_is_too_long_or_of_another_size_is_refused(embedding_api: Api) -> None:
    with embedding_api.http() as http:
        long = http.post("/v1/embeddings", json={"input": "word " * 2000})
        size = http.post("/v1/embeddings", json={"input": "word", "dimensions": 64})
        token = http.post("/v1/embeddings", json={"input": [10**6]})
    assert [long.status_code, size.status_code, token.status_code] == [400, 400, 400]
    assert long.json()["error"]["code"] == "context_length_exceeded"
