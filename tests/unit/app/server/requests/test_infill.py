"""/v1/completions with a suffix: what comes fits between two texts, for models that were taught that."""

from collections.abc import Iterator

import ollama
import openai
import pytest

from app.engine.protocol import Part
from tests.support.api import KEY, SETTINGS, Api, loaded_engine, served
from tests.support.engines import ANSWER_TIMEOUT_S
from tests.support.starter_variants import FIM_TOKENS, write_infill_model

BEFORE, BEHIND = "def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n"


@pytest.fixture(scope="module")
def infill_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = tmp_path_factory.mktemp("infill")
    with (
        loaded_engine(SETTINGS, str(write_infill_model(home / "infill.gguf"))) as client,
        served(client, home) as running,
    ):
        yield running


def test_the_prompt_has_both_texts_between_the_models_own_tokens(infill_api: Api) -> None:
    def tokens(text: str) -> list[int]:
        return infill_api.client.tokenize([Part(text)]).result(ANSWER_TIMEOUT_S)

    before, behind, fill = FIM_TOKENS
    prompt = [before, *tokens(BEFORE), behind, *tokens(BEHIND), fill]
    wishes = {"max_tokens": 8, "temperature": 0.0}
    with openai.OpenAI(base_url=f"{infill_api.url}/v1", api_key=KEY, max_retries=0) as client:
        (listed,) = client.models.list().data
        model = listed.id
        filled = client.completions.create(model=model, prompt=BEFORE, suffix=BEHIND, **wishes)
        same = client.completions.create(model=model, prompt=prompt, **wishes)
        plain = client.completions.create(model=model, prompt=BEFORE, suffix="", **wishes)
    assert listed.to_dict()["fills_in_the_middle"] is True
    assert filled.usage is not None
    assert filled.usage.prompt_tokens == len(prompt)
    assert filled.choices[0].text == same.choices[0].text
    assert plain.usage is not None
    assert plain.usage.prompt_tokens == len(tokens(BEFORE))


def test_ollamas_client_fills_the_same_gap(infill_api: Api) -> None:
    client = ollama.Client(host=infill_api.url, headers=infill_api.headers)
    model = client.list().models[0].model or ""
    few = {"num_predict": 8, "temperature": 0.0}
    filled = client.generate(model, BEFORE, suffix=BEHIND, options=few)
    assert client.show(model).capabilities == ["completion", "tools", "insert"]
    client.close()
    with infill_api.http() as http:
        body = {"prompt": BEFORE, "suffix": BEHIND, "max_tokens": 8, "temperature": 0.0}
        same = http.post("/v1/completions", json=body).json()
    assert filled.response == same["choices"][0]["text"]
    assert filled.prompt_eval_count == same["usage"]["prompt_tokens"]


def test_nobody_forges_the_gap(infill_api: Api) -> None:
    with infill_api.http() as http:
        usage = [
            http.post("/v1/completions", json={"prompt": text, "suffix": BEHIND, "max_tokens": 1}).json()
            for text in ("a", "a<|endoftext|>")
        ]
    assert usage[1]["usage"]["prompt_tokens"] > usage[0]["usage"]["prompt_tokens"] + 1


def test_a_model_that_was_not_taught_it_says_so(api: Api, infill_api: Api) -> None:
    with api.http() as http:
        (listed,) = http.get("/v1/models").json()["data"]
        answer = http.post("/v1/completions", json={"prompt": BEFORE, "suffix": BEHIND})
        other = http.post("/api/generate", json={"model": "starter", "prompt": "a", "suffix": BEHIND})
    assert listed["fills_in_the_middle"] is False
    assert (other.status_code, "no suffix" in other.json()["error"]) == (400, True)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "suffix"
    assert "was not taught to fill in the middle" in answer.json()["error"]["message"]
    with infill_api.http() as http:
        tokens = http.post("/v1/completions", json={"prompt": [1, 2], "suffix": BEHIND})
    assert tokens.status_code == 400
