"""`stillroom build ADAPTER` and `stillroom chat --lora` with the starter model."""

import json
import shutil
from pathlib import Path

import pytest

from models.catalogue.starter import starter_file
from tests.support.adapters import write_adapter
from tests.support.checkpoints import write_starter_config
from tests.support.cli import Cli

GREEDY = ("--temperature", "0", "--seed", "1", "--max-tokens", "12", "--threads", "1", "--context", "512")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the starter's config.json only."""
    starter = starter_file()
    assert starter is not None
    return write_starter_config(starter, tmp_path_factory.mktemp("base"))


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    config = json.loads((base / "config.json").read_text("utf-8"))
    return write_adapter(tmp_path / "my-adapter", config, rank=8, strength=0.2)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "home")


def test_an_adapter_is_built_and_used(cli: Cli, base: Path, adapter: Path) -> None:
    built = cli("build", str(adapter), "--base", str(base), "--json")
    assert built.code == 0, built.err
    (output,) = built.json()["outputs"]
    assert output["path"] == str(adapter / "my-adapter.gguf")
    plain = cli("chat", "starter", "Say yes.", *GREEDY)
    for scale, same in (("", False), (":0", True), (":0.5", False)):
        adapted = cli("chat", "starter", "Say yes.", *GREEDY, "--lora", output["path"] + scale)
        assert adapted.code == 0, adapted.err
        assert (adapted.out == plain.out) == same


def test_the_base_model_is_found_beside_the_adapter(
    cli: Cli, base: Path, adapter: Path, tmp_path: Path
) -> None:
    refused = cli("build", str(adapter), "--bits", "4.5")
    assert (refused.code, refused.out) == (2, "")
    assert "An adapter is made as it is" in refused.err
    missing = cli("build", str(adapter))
    assert missing.code == 1
    assert "was trained on somebody/a-base-model" in missing.err
    assert "--base" in missing.err
    shutil.copy(base / "config.json", adapter)
    built = cli("build", str(adapter), "--out", str(tmp_path / "here"))
    assert built.code == 0, built.err
    assert (tmp_path / "here" / "my-adapter.gguf").is_file()


def test_wrong_use_is_told(cli: Cli, adapter: Path) -> None:
    missing = cli("chat", "starter", "Say yes.", "--lora", "nowhere.gguf:2")
    assert missing.code == 2
    assert "there is no file nowhere.gguf" in missing.err
    wild = cli("chat", "starter", "Say yes.", "--lora", f"{adapter / 'adapter_config.json'}:1e9")
    assert wild.code == 2
    wrong = cli("chat", "starter", "Say yes.", *GREEDY, "--lora", str(adapter / "adapter_config.json"))
    assert wrong.code == 1
    assert "is not a GGUF file" in wrong.err
