"""The input filter and the audit log see what comes over the API."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.engine.client.client import EngineClient
from app.filters.filter_file import FilterFile
from app.filters.rule import FilterRule
from tests.support.api import Api, served

RULES = (
    FilterRule(id="a", name="Secret", pattern="hunter2", action="block", on=True),
    FilterRule(id="b", name="Mail", pattern=r"\w+@\w+\.example", action="redact", on=True),
)


@pytest.fixture
def api(api_engine: EngineClient, tmp_path: Path) -> Iterator[Api]:
    with served(api_engine, tmp_path) as running:
        FilterFile(running.paths.filters).keep(RULES)
        running.settings.update(audit=True, audit_content=True)
        yield running


def lines(api: Api) -> list[dict[str, object]]:
    api.audit.flush()
    return [
        json.loads(line)
        for file in sorted(api.paths.audit.glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/generate", {"prompt": "{}"}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "{}"}]}),
        ("/v1/chat/completions", {"messages": [{"role": "system", "content": "{}"}], "stream": True}),
        ("/v1/completions", {"prompt": ["Hello", "{}"]}),
        ("/api/generate", {"model": "starter", "prompt": "{}"}),
        ("/api/chat", {"model": "starter", "messages": [{"role": "user", "content": "{}"}]}),
    ],
)
def test_what_is_blocked_does_not_reach_the_model(api: Api, path: str, body: dict[str, object]) -> None:
    with api.http() as http:
        said = json.dumps(body).replace("{}", "My password is hunter2.")
        answer = http.post(path, content=said, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "Secret" in answer.text
    (line,) = lines(api)
    assert (line["source"], line["outcome"]) == ("api", "blocked")


def test_what_is_redacted_is_gone_and_both_are_noted(api: Api) -> None:
    with api.http(headers=api.headers | {"User-Agent": "test\tclient"}) as http:
        answer = http.post("/generate", json={"prompt": "Write to me@here.example", "max_tokens": 2})
    assert answer.status_code == 200
    request, reply = lines(api)
    assert "me@here.example" not in str(request["content"])
    assert request["client"] == "testclient"
    assert request["filter"] == [{"rule": "Mail", "action": "redact", "count": 1}]
    assert (reply["id"], reply["outcome"], reply["completion_tokens"]) == (request["id"], "length", 2)


def test_token_ids_do_not_go_past_the_rules(api: Api) -> None:
    with api.http() as http:
        refused = http.post("/v1/completions", json={"prompt": [504, 260], "max_tokens": 2})
        FilterFile(api.paths.filters).keep([rule_off(rule) for rule in RULES])
        served = http.post("/v1/completions", json={"prompt": [504, 260], "max_tokens": 2})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "content_filter")
    assert served.status_code == 200


def rule_off(rule: FilterRule) -> FilterRule:
    return msgspec.structs.replace(rule, on=False)
