"""Ollama's own Python client, unmodified, against the real server and the real model."""

from collections.abc import Iterator

import ollama
import pytest

from tests.support.api import MODEL, Api

QUESTION = [{"role": "user", "content": "Name three colours."}]
FEW = {"num_predict": 6, "temperature": 0.0}


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[ollama.Client]:
    client = ollama.Client(host=api.url, headers=api.headers)
    yield client
    client.close()


def test_models_are_listed_and_shown(client: ollama.Client) -> None:
    (model,) = client.list().models
    assert model.model == MODEL
    assert model.details is not None
    assert model.details.quantization_level == "Q4_1"
    shown = client.show(MODEL)
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "llama"
    assert shown.capabilities == ["completion", "tools"]


def test_a_chat_and_its_stream_say_the_same(client: ollama.Client) -> None:
    whole = client.chat("starter", QUESTION, options=FEW)
    parts = list(client.chat("starter:latest", QUESTION, options=FEW, stream=True))
    assert "".join(part.message.content or "" for part in parts) == whole.message.content != ""
    assert parts[-1].done
    assert (parts[-1].eval_count, parts[-1].done_reason) == (6, "length")
    assert whole.prompt_eval_count


def test_a_prompt_is_answered_and_bound_to_a_schema(client: ollama.Client) -> None:
    reply = client.generate("starter", "Hello", options=FEW)
    assert reply.eval_count == 6
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    bound = client.generate("starter", "Is it well?", format=schema, options={"num_predict": 40})
    assert '"ok"' in bound.response
    raw = client.generate("starter", "The sky is", raw=True, options=FEW)
    assert raw.prompt_eval_count == 3


def test_an_empty_prompt_asks_for_the_model_to_be_loaded(client: ollama.Client) -> None:
    assert client.generate("starter", "").done_reason == "load"


def test_errors_are_the_clients_own(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="There is no model llama3") as missing:
        client.chat("llama3", QUESTION)
    assert missing.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="images"):
        client.chat("starter", [{"role": "user", "content": "Look.", "images": [b"png"]}])
