"""Which models answer, by which names, and what loads one."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.base.children import child_command
from app.engine.client.client import EngineClient
from app.load_choices import LoadChoices
from app.settings import LoadChoice
from tests.support.api import MODEL, SETTINGS, Api, served
from tests.support.engines import ANSWER_TIMEOUT_S
from tests.support.starter_variants import shallow_path, write_embedding_model

QUICK = {"prompt": "Hi", "max_tokens": 1}


@pytest.fixture
def client() -> Iterator[EngineClient]:
    client = EngineClient(child_command("engine"))
    yield client
    client.close()


def names(api: Api) -> list[str]:
    with api.http() as http:
        return [model["id"] for model in http.get("/v1/models").json()["data"]]


def test_without_a_model_nothing_answers_and_that_is_said(client: EngineClient, tmp_path: Path) -> None:
    with served(client, tmp_path) as api, api.http() as http:
        assert names(api) == []
        answer = http.post("/generate", json=QUICK)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_not_loaded")
        assert http.post("/generate", json=QUICK | {"model": "starter"}).status_code == 404


def test_a_model_on_disk_is_loaded_where_that_is_allowed_and_the_chosen_one_stays(
    client: EngineClient, tmp_path: Path
) -> None:
    chosen = write_embedding_model(tmp_path / "chosen.gguf")
    client.load(str(chosen), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    with served(client, tmp_path, loads=True) as api, api.http() as http:
        api.settings.update(load=SETTINGS)
        before = names(api)
        assert MODEL in before
        answer = http.post("/generate", json=QUICK | {"model": "starter"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["model"] == MODEL
        assert client.current_path == str(chosen)
        assert names(api)[0] == before[0]
        assert http.post("/generate", json=QUICK).json()["model"] == before[0]


def test_a_model_that_a_client_asks_for_is_loaded_as_was_chosen_for_it(
    client: EngineClient, tmp_path: Path
) -> None:
    with served(client, tmp_path, loads=True) as api, api.http() as http:
        api.settings.update(load=SETTINGS)
        own = msgspec.structs.replace(SETTINGS, context_tokens=512)
        LoadChoices(api.settings).choose(shallow_path(), LoadChoice(load=own))
        assert http.post("/generate", json=QUICK | {"model": "starter"}).status_code == 200
        [info] = client.state.models
        assert info.context_tokens == 512


@pytest.mark.parametrize("name", ["", "starter", "STARTER:latest", MODEL, MODEL.replace("/", ":")])
def test_a_model_answers_to_its_names(api: Api, name: str) -> None:
    with api.http() as http:
        assert http.post("/generate", json=QUICK | {"model": name}).json()["model"] == MODEL


@pytest.mark.parametrize(
    "name", ["../starter", "/etc/passwd", "file:///x.gguf", "http://x/y", "starter/", "x" * 201]
)
def test_no_path_and_no_address_is_a_name(api: Api, name: str) -> None:
    with api.http() as http:
        answer = http.post("/generate", json=QUICK | {"model": name})
    assert answer.status_code in (400, 404)


def test_a_model_that_the_user_has_unloaded_does_not_come_back(client: EngineClient, tmp_path: Path) -> None:
    client.load(shallow_path(), SETTINGS).future.result(ANSWER_TIMEOUT_S)
    with served(client, tmp_path) as api, api.http() as http:
        assert names(api) == [MODEL]
        client.unload().result(ANSWER_TIMEOUT_S)
        assert names(api) == []
        assert http.post("/generate", json=QUICK | {"model": "starter"}).status_code == 404
