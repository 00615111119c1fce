"""The server keeps what the OpenAPI document promises, tried with requests that are made from it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.engine.client.client import EngineClient
from app.server.access.access_rules import AccessRules
from tests.support.api import Api, served
from tests.support.late_answers import Late
from tests.support.waiting import wait_until

CASES = 60


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning", "ignore::DeprecationWarning")
def test_no_request_ends_in_a_servers_error(api: Api) -> None:
    # It takes seconds to load, which no other test needs.
    from tests.support.openapi_cases import try_all

    answers = try_all(api, CASES)
    assert answers.total() >= CASES
    assert answers[200]
    assert answers[400]
    assert set(answers) <= {200, 400, 401, 404}


def test_the_document_names_the_key_and_no_schema_of_the_framework(api: Api) -> None:
    with api.http() as http:
        document = http.get("/openapi.json").json()
    assert document["paths"]["/v1/models"]["get"]["security"] == [{"key": []}]
    assert "security" not in document["paths"]["/health"]["get"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert "422" not in operation["responses"]


def test_the_document_is_made_once_however_many_ask_for_it_at_once(
    api_engine: EngineClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: list[str] = []
    made: list[FastAPI] = []
    check, making = AccessRules.check, Late(FastAPI.openapi)

    def noted(rules: AccessRules, method: str, path: str, headers: dict[str, str]) -> None:
        arrived.append(path)
        check(rules, method, path, headers)

    def make(api: FastAPI) -> dict[str, Any]:
        made.append(api)
        return making(api)

    monkeypatch.setattr(AccessRules, "check", noted)
    monkeypatch.setattr(FastAPI, "openapi", make)
    paths = ["/openapi.json", "/docs"] * 4
    with served(api_engine, tmp_path) as own, ThreadPoolExecutor(len(paths)) as pool:

        def ask(path: str) -> httpx.Response:
            with own.http() as http:
                return http.get(path)

        answers = [pool.submit(ask, path) for path in paths]
        wait_until(lambda: len(arrived) == len(paths) and making.waiting, "all requests")
        assert ask("/health").status_code == 200
        making.let_all()
        assert {answer.result().status_code for answer in answers} == {200}
        assert len(made) == 1
