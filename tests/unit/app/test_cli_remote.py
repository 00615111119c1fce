"""`stillroom chat` and `bench` with a model of a real server elsewhere: another Stillroom."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.remote.model_directory import fetch_models
from app.remote.remote_server import ElsewhereServer
from app.settings import Settings
from tests.support.api import KEY, MODEL, Api, loaded_engine, served
from tests.support.cli import Cli

GREEDY = ("--temperature", "0", "--seed", "1", "--max-tokens", "12")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with loaded_engine() as client, served(client, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def cli(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A user who has added the server and agreed to it."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.support.key_store.EnvironmentKeys")
    monkeypatch.setenv("TESTS_KEY", KEY)
    server = ElsewhereServer(id="s1", name="Other", url=api.url, agreed=True)
    server = msgspec.structs.replace(server, models=fetch_models(server, KEY))
    file = tmp_path / "config" / "settings.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(msgspec.json.encode(Settings(elsewhere=(server,), audit=True)))
    return Cli(tmp_path)


def test_chat_asks_the_server_and_says_so(cli: Cli, api: Api) -> None:
    ran = cli("chat", f"other/{MODEL}", "Name three colours.", *GREEDY, "--json")
    assert ran.code == 0, ran.err
    host = api.url.removeprefix("http://")
    assert f"{MODEL} runs on {host}, not on this computer" in ran.err
    document = ran.json()
    assert document["backend"] == host
    assert document["answer"].strip()
    assert 0 < document["completion_tokens"] <= 12
    assert document["decode_tok_per_s"] > 0
    piped = cli("chat", f"{host}/{MODEL}", *GREEDY, stdin="Name three colours.")
    assert piped.out.strip() == document["answer"].strip()


def test_the_list_has_the_names_to_ask_by(cli: Cli, api: Api) -> None:
    name = f"Other/{MODEL}"
    listed = cli("list", "--json").json()["elsewhere"]
    assert {"name": name, "server": api.url.removeprefix("http://"), "context_tokens": 1024} in listed
    assert f"Not on this computer:\n  {name}" in cli("list").out


def test_what_only_an_engine_here_can_do_is_refused(cli: Cli) -> None:
    ran = cli("chat", f"other/{MODEL}", "Hello.", "--gpu-layers", "0")
    assert ran.code == 2
    assert "--gpu-layers is for models on this computer" in ran.err
    drift = cli("bench", f"other/{MODEL}", "--suite", "drift")
    assert drift.code == 2
    assert "Name a model on this computer" in drift.err


def test_the_benchmark_measures_over_http(cli: Cli, tmp_path: Path) -> None:
    saved = tmp_path / "report.md"
    ran = cli("bench", f"other/{MODEL}", "--suite", "quick", "--json", "--save", str(saved))
    assert ran.code == 0, ran.err
    report = ran.json()
    assert report["source"] == "over HTTP, not on this machine"
    measures = {measure["key"]: measure for measure in report["measures"]}
    assert measures["tg32"]["mean"] > 0
    # On a computer that others keep busy the longer prompt may come out sooner, and several tokens at once:
    # which is said then.
    why_not = {item["key"]: item["reason"] for item in report["not_measured"]}
    if "pp512" in measures:
        assert measures["pp512"]["prompt_tokens"] == pytest.approx(512, rel=0.1)
    else:
        assert "did not take longer" in why_not["pp512"]
    assert "latency_p99" in measures or "several tokens at once" in why_not["latency_p99"]
    assert "over HTTP, not on this machine" in saved.read_text()
    told = cli("bench", f"other/{MODEL}", "--suite", "quick")
    assert "over HTTP, not on this machine:" in told.out
    assert "Against the run of" in told.out


def test_a_quality_suite_asks_it_and_leaves_the_text_out(cli: Cli) -> None:
    quality = ("--suite", "quality", "--items", "1", "--max-tokens", "16")
    ran = cli("bench", f"other/{MODEL}", *quality, "--kind", "intent", "--kind", "perplexity", "--json")
    assert ran.code == 0, ran.err
    document = ran.json()
    [item] = document["items"]
    assert item["kind"] == "intent"
    assert item["turns"][0]["completion_tokens"] > 0
    assert document["run"]["source"] == "over HTTP, not on this machine"
    told = cli("bench", f"other/{MODEL}", *quality, "--kind", "intent")
    assert "Perplexity: not measured. It runs elsewhere." in told.out
