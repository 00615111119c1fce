import json
import re
import threading
import tracemalloc

import pytest

from models.catalogue.catalogue import catalogue
from models.hub.hub_client import HubClient
from models.hub.hub_search import MOST_FOUND, search_models
from models.hub.repository_card import RepositoryCard, first_items, read_card
from models.hub.retry import RetryPolicy
from models.system.errors import Cancelled, StillroomError
from models.system.units import byte_count
from tests.support.hub import LoopbackHub
from tests.support.raw_server import RawServer

REPO = "owner/tiny-model"
QUICK = RetryPolicy(attempts=1)
CARD = {
    "downloads": 1234,
    "likes": 5,
    "gated": "manual",
    "tags": ["safetensors", "gguf", "license:apache-2.0"],
    "config": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"},
    "safetensors": {"parameters": {"BF16": 7_000_000_000}, "total": 7_000_000_000},
    "gguf": {
        "total": 7_000_000_000,
        "architecture": "qwen2",
        "context_length": 32768,
        "chat_template": "{{ a }}",
    },
}


def client(hub: LoopbackHub) -> HubClient:
    return HubClient(hub.endpoint, retry=QUICK)


def test_a_search_gives_what_the_hub_tells_of_each_repository(hub: LoopbackHub) -> None:
    hub.repos[REPO].card = dict(CARD)
    [found] = search_models(client(hub), "  tiny\tOWNER ")
    assert found == RepositoryCard(
        REPO, 7_000_000_000, "Apache-2.0", 1234, 5, "Qwen2ForCausalLM", "qwen2", 32768, True, True, True
    )
    assert search_models(client(hub), "another") == ()
    _, address, _ = hub.requests[0]
    assert "search=tiny+OWNER&limit=30&sort=downloads&expand=downloads" in address


def test_resolving_a_repository_tells_the_same(hub: LoopbackHub) -> None:
    hub.repos[REPO].card = dict(CARD)
    card = client(hub).resolve(REPO).card
    assert card is not None
    assert (card.licence, card.likes, card.gguf_architecture) == ("Apache-2.0", 5, "qwen2")


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "no-owner"},
        {"id": "owner/<b>name</b>"},
        {"id": "owner/" + "x" * 500},
        {"id": 7},
        {"name": "owner/name"},
        [],
        "text",
        None,
    ],
)
def test_what_is_no_repository_is_left_out(wrong: object) -> None:
    assert read_card(json.dumps(wrong).encode()) is None


def test_a_strange_fact_costs_no_other_fact() -> None:
    told = {
        "id": REPO,
        **CARD,
        "downloads": -5,
        "likes": "many",
        "safetensors": {"total": 1 << 70},
        "tags": 7,
    }
    card = read_card(json.dumps(told).encode())
    assert card is not None
    assert (card.downloads, card.likes, card.licence) == (0, 0, "")
    assert card.architecture == "Qwen2ForCausalLM"
    assert card.parameters == 7_000_000_000


def test_what_is_shown_is_one_short_line() -> None:
    tags = [7, None, "license:<b>\u202emine\n" + "x" * 10_000]
    card = read_card(json.dumps({"id": REPO, "tags": tags}).encode())
    assert card is not None
    assert len(card.licence) == 60
    assert card.licence.isprintable()


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("mit", "MIT"),
        ("MIT", "MIT"),
        ("cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0"),
        ("bsd-3-clause", "BSD-3-Clause"),
        ("llama3.1", "llama3.1"),
        ("other", "other"),
    ],
)
def test_a_licence_has_the_spelling_of_spdx(told: str, shown: str) -> None:
    card = read_card(json.dumps({"id": REPO, "tags": [f"license:{told}"]}).encode())
    assert card is not None
    assert card.licence == shown


def test_the_catalogue_spells_licences_as_a_hub_is_shown() -> None:
    for model in catalogue():
        for told in ("mit", "apache-2.0"):
            card = read_card(json.dumps({"id": REPO, "tags": [f"license:{told}"]}).encode())
            assert card is not None
            loosely = card.licence.replace("-", "[ -]")
            assert set(re.findall(loosely, model.licence, re.IGNORECASE)) <= {card.licence}


@pytest.mark.parametrize("name", ["tags", "config"])
def test_a_fact_of_megabytes_is_ignored(name: str) -> None:
    large = {
        "tags": ["license:mit", "gguf", "x" * (300 << 10)],
        "config": {"architectures": ["Qwen2ForCausalLM"], "more": "x" * (300 << 10)},
    }
    card = read_card(json.dumps({"id": REPO, **CARD, name: large[name]}).encode())
    assert card is not None
    assert (card.licence, card.architecture) == {
        "tags": ("", "Qwen2ForCausalLM"),
        "config": ("Apache-2.0", ""),
    }[name]
    assert card.likes == 5


@pytest.mark.parametrize("names", [["Qwen2ForCausalLM"] * 17, ["Qwen2ForCausalLM", "x" * 201]])
def test_more_or_longer_architectures_than_any_model_has_are_none(names: list[str]) -> None:
    told = {"id": REPO, **CARD, "config": {"architectures": names}}
    card = read_card(json.dumps(told).encode())
    assert card is not None
    assert card.architecture == ""
    assert card.gguf_architecture == "qwen2"


def test_no_more_items_are_held_than_were_asked_for() -> None:
    data = b"[" + b"0," * 1_000_000 + b"0]"
    tracemalloc.start()
    try:
        found = first_items(data, 30)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [bytes(item) for item in found] == [b"0"] * 30
    assert most_bytes < 1 << 20
    assert [bytes(item) for item in first_items(b"[1]", 2)] == [b"1", b"null"]


def test_an_answer_of_more_than_four_megabytes_is_refused() -> None:
    told = json.dumps([{"id": REPO, "tags": ["x" * (5 << 20)]}]).encode()
    with (
        RawServer(lambda path, headers: [answer(told)]) as raw,
        pytest.raises(StillroomError, match=f"more than {byte_count(4 << 20)}"),
    ):
        search_models(HubClient(raw.endpoint, retry=QUICK), "tiny")


def test_a_refused_search_says_so(hub: LoopbackHub) -> None:
    hub.fail("metadata", status=403)
    with pytest.raises(StillroomError, match="refuses to search"):
        search_models(client(hub), "tiny")


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", b"{}", b"[" * 100_000, b'"[]"', b"", b"\xff\xfe[]"], ids=range(6)
)
def test_an_answer_of_no_hub_is_named(body: bytes) -> None:
    with RawServer(lambda path, headers: [answer(body)]) as raw:
        made = HubClient(raw.endpoint, retry=QUICK)
        with pytest.raises(StillroomError, match="not as a model hub"):
            search_models(made, "tiny")


def test_more_than_was_asked_for_is_cut_and_doubles_are_one() -> None:
    told = json.dumps([{"id": f"a/b{n // 2}"} for n in range(1000)]).encode()
    with RawServer(lambda path, headers: [answer(told)]) as raw:
        found = search_models(HubClient(raw.endpoint, retry=QUICK), "tiny")
    assert len(found) == MOST_FOUND // 2


def test_a_search_is_cancelled(hub: LoopbackHub) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        search_models(client(hub), "tiny", cancel=cancel)
