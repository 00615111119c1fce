"""Thinking beside the answer, and its budget, in each API's own words; with a model that always thinks."""

import json
from collections.abc import Iterator

import ollama
import pytest
from openai import OpenAI

from tests.support.api import KEY, SETTINGS, Api, loaded_engine, served
from tests.support.starter_variants import write_thinking_model

QUESTION = [{"role": "user", "content": "Name three colours."}]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = tmp_path_factory.mktemp("thinking")
    file = write_thinking_model(home / "thinking.gguf")
    with loaded_engine(SETTINGS, str(file)) as client, served(client, home) as running:
        yield running


def test_openais_client_gets_it_as_reasoning_content(api: Api) -> None:
    with OpenAI(base_url=f"{api.url}/v1", api_key=KEY, max_retries=0) as client:
        wishes = {"model": "", "messages": QUESTION, "max_tokens": 8, "temperature": 0.0}
        whole = client.chat.completions.create(**wishes)
        deltas = [chunk.choices[0].delta for chunk in client.chat.completions.create(**wishes, stream=True)]
        none = client.chat.completions.create(**wishes, reasoning_effort="none")
    message = whole.choices[0].message
    assert message.reasoning_content
    assert not message.content
    assert whole.usage is not None
    assert whole.usage.completion_tokens_details is not None
    assert whole.usage.completion_tokens_details.reasoning_tokens == 8
    streamed = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert streamed.strip() == message.reasoning_content
    assert none.choices[0].message.content
    assert not hasattr(none.choices[0].message, "reasoning_content")


def test_a_budget_leads_to_the_answer_and_a_schema_binds_only_that(api: Api) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    body = {
        "prompt": "Well?",
        "thinking_tokens": 4,
        "max_tokens": 60,
        "json_schema": schema,
        "temperature": 0.0,
    }
    with api.http() as http:
        reply = http.post("/generate", json=body).json()
    assert reply["thinking"]
    assert isinstance(json.loads(reply["text"])["ok"], bool)
    assert reply["thinking_tokens"] < reply["completion_tokens"]


def test_ollamas_client_gets_it_as_thinking(api: Api) -> None:
    client = ollama.Client(host=api.url, headers=api.headers)
    model = client.list().models[0].model or ""
    assert client.show(model).capabilities == ["completion", "tools", "thinking"]
    few = {"num_predict": 8, "temperature": 0.0}
    thought = client.chat(model, QUESTION, options=few)
    assert thought.message.thinking
    assert not thought.message.content
    assert client.chat(model, QUESTION, options=few, think=False).message.content
    parts = list(client.generate(model, "Hello", options=few, stream=True))
    assert any(part.thinking for part in parts)
    client.close()
