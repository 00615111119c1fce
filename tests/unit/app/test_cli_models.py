"""`stillroom pull`, `build`, `list` and `inspect` with a loopback hub and the starter's own checkpoint."""

import hashlib
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.catalogue.catalogue import STARTER_KEY, find
from models.catalogue.starter import starter_file
from tests.support.checkpoints import rebuild_starter
from tests.support.cli import Cli
from tests.support.engines import starter_path
from tests.support.hub import LoopbackHub
from tests.support.starter_variants import shallow_path
from tests.support.tiny_gguf import write_tiny_gguf

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals go to process groups of POSIX here")
SMALL_FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rebuild_starter(Path(shallow_path()), tmp_path_factory.mktemp("hub") / "SmolLM2-135M-Instruct")


@pytest.fixture
def hub(checkpoint: Path) -> Iterator[LoopbackHub]:
    model = find(STARTER_KEY)
    assert model is not None
    with LoopbackHub() as hub:
        hub.add(model.repo, checkpoint)
        hub.add("someone/small", checkpoint)
        yield hub


@pytest.fixture
def cli(tmp_path: Path, hub: LoopbackHub) -> Cli:
    return Cli(tmp_path / "home", hub.endpoint)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_pull_verifies_every_file_and_says_where_it_is(cli: Cli, checkpoint: Path) -> None:
    ran = cli("pull", "starter", "--json")
    assert ran.code == 0, ran.err
    document = ran.json()
    assert {Path(file["path"]).name for file in document["files"]} == {"model.safetensors", *SMALL_FILES}
    for file in document["files"]:
        original = checkpoint / Path(file["path"]).name
        assert file["sha256"] == sha256(original) == sha256(Path(file["path"]))
        assert file["bytes"] == original.stat().st_size
    assert document["seconds"] > 0
    assert "Downloading" in ran.err
    assert "\x1b" not in ran.err


def test_search_finds_models_by_their_names(cli: Cli, hub: LoopbackHub) -> None:
    hub.repos["someone/small"].card = {
        "downloads": 12,
        "tags": ["safetensors", "license:apache-2.0"],
        "config": {"architectures": ["LlamaForCausalLM"]},
        "safetensors": {"total": 135_000_000},
    }
    ran = cli("search", "some", "small", "--json")
    assert ran.code == 0, ran.err
    [model] = ran.json()["models"]
    assert (model["repo"], model["downloads"], model["usable"]) == ("someone/small", 12, "yes")
    assert (model["licence"], model["original_weights"]) == ("Apache-2.0", True)
    assert "someone/small" in cli("search", "small").out
    assert "Nothing was found" in cli("search", "nosuchmodel").out


def test_pull_into_a_folder_of_the_users_choice(cli: Cli, tmp_path: Path) -> None:
    ran = cli("pull", "someone/small", "--out", str(tmp_path / "here"))
    assert ran.code == 0, ran.err
    assert (tmp_path / "here" / "model.safetensors").is_file()
    assert str(tmp_path / "here") in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pull", "someone/small", "--revision", "v9"), "someone/small has no revision v9"),
        (("pull", "someone/else"), "has no model someone/else"),
        (("pull", "nonsense"), "There is no model called nonsense"),
        (("build", "someone/else", "--type", "Q8_0"), "has no model someone/else"),
        (("inspect", "no/such.gguf"), "does not exist"),
    ],
)
def test_what_cannot_be_got_is_explained(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    ran = cli(*arguments, "--json")
    assert ran.code == 1
    assert said in ran.err
    assert said in ran.json()["error"]["message"]
    assert "Traceback" not in ran.err


@POSIX
def test_an_interrupted_pull_goes_on_where_it_stopped(cli: Cli, hub: LoopbackHub, checkpoint: Path) -> None:
    hub.bytes_per_s = 100e6
    size = (checkpoint / "model.safetensors").stat().st_size
    with cli.start("pull", "starter") as program:
        assert program.stderr is not None
        assert hub.wait_served("model.safetensors", size // 3)
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait(timeout=30) == 130
        assert b"Traceback" not in program.stderr.read()
    assert not list(cli.home.rglob("model.safetensors"))
    hub.bytes_per_s = 0
    ran = cli("pull", "starter", "--json")
    assert ran.code == 0, ran.err
    assert hub.bytes_served["model.safetensors"] <= size + (16 << 20)


def test_build_downloads_converts_quantises_and_the_model_answers(cli: Cli) -> None:
    ran = cli("build", "starter", "--type", "q4_k_m", "--type", "Q8_0", "--json")
    assert ran.code == 0, ran.err
    document = ran.json()
    assert [output["type"] for output in document["outputs"]] == ["Q4_K_M", "Q8_0"]
    for output in document["outputs"]:
        path = Path(output["path"])
        assert cli.home in path.parents
        assert (output["sha256"], output["bytes"]) == (sha256(path), path.stat().st_size)
    assert document["seconds"] > 0
    assert document["peak_memory_bytes"] > 50e6

    listed = cli("list", "--json").json()["models"]
    (starter,) = [model for model in listed if model["key"] == "starter"]
    assert {file["type"] for file in starter["files"]} >= {"Q4_K_M", "Q8_0"}
    assert "Q4_K_M" in cli("list").out

    name = starter["name"]
    ran = cli("chat", f"{name}/Q8_0", "Hello", "--temperature", "0", "--max-tokens", "8", "--json")
    assert ran.code == 0, ran.err
    assert ran.json()["model"] == f"{name}/Q8_0"
    assert ran.json()["answer"]

    again = cli("build", "starter", "--type", "Q8_0", "--json").json()
    assert again["outputs"] == [document["outputs"][1]]
    assert again["peak_memory_bytes"] == 0


def test_build_from_a_folder_into_a_folder(cli: Cli, checkpoint: Path, tmp_path: Path) -> None:
    ran = cli("build", str(checkpoint), "--type", "bf16", "--out", str(tmp_path / "out"), "--json")
    assert ran.code == 0, ran.err
    (output,) = ran.json()["outputs"]
    assert Path(output["path"]).parent == tmp_path / "out"
    assert [file.name for file in (tmp_path / "out").iterdir()] == [Path(output["path"]).name]
    assert not (cli.home / "data" / "models").exists()

    inspected = cli("inspect", output["path"], "--json").json()
    assert inspected["metadata"]["general.architecture"] == "llama"
    assert {tensor["type"] for tensor in inspected["tensors"]} == {"BF16", "F32"}
    for name in ("name", "shape", "type", "bytes", "offset"):
        assert all(name in tensor for tensor in inspected["tensors"])


@POSIX
def test_an_interrupted_build_leaves_nothing_half_made(cli: Cli, tmp_path: Path) -> None:
    # The first layers alone would be done before anybody could interrupt.
    checkpoint = rebuild_starter(Path(starter_path()), tmp_path / "whole")
    types = [part for kind in ("Q4_K_M", "Q8_0", "Q6_K") for part in ("--type", kind)]
    with cli.start("build", str(checkpoint), *types) as program:
        assert program.stderr is not None
        while not (line := program.stderr.readline()).startswith(b"Making it smaller"):
            assert line, "the build ended before it quantised"
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait(timeout=30) == 130
        assert b"Traceback" not in program.stderr.read()
    assert not [file for file in cli.home.rglob("*.gguf") if ".making" not in file.parts]
    assert cli("build", str(checkpoint), "--type", "Q8_0").code == 0


def test_thinking_is_kept_apart_from_the_answer(cli: Cli, checkpoint: Path, tmp_path: Path) -> None:
    # The starter does not think; a template that opens the block, as newer R1 templates do, makes it say so.
    thinker = tmp_path / "thinker"
    thinker.mkdir()
    for file in checkpoint.iterdir():
        (thinker / file.name).symlink_to(file)
    config = json.loads((checkpoint / "tokenizer_config.json").read_text())
    opened = config["chat_template"].replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n")
    assert opened != config["chat_template"]
    (thinker / "tokenizer_config.json").unlink()
    (thinker / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": opened}))
    assert cli("build", str(thinker), "--type", "Q8_0").code == 0

    asked = ("chat", "thinker", "Why?", "--temperature", "0", "--max-tokens", "8")
    document = cli(*asked, "--json").json()
    assert document["thinking"]
    assert document["answer"] == ""
    assert document["thinking_tokens"] == document["completion_tokens"] == 8
    plain = cli(*asked)
    assert (plain.code, plain.out, plain.err) == (0, "", "")


def test_a_gguf_is_quantised_anew_and_the_loss_is_said(cli: Cli) -> None:
    ran = cli("build", str(starter_file()), "--type", "Q4_0", "--json")
    assert ran.code == 0, ran.err
    assert "is quantised already (Q4_1)" in ran.err
    [output] = ran.json()["outputs"]
    assert output["type"] == "Q4_0"
    verified = cli("verify", output["path"], "--json").json()
    assert (verified["matches"], verified["sha256"]) == (True, output["sha256"])
    with Path(output["path"]).open("r+b") as file:
        file.seek(-100, 2)
        file.write(b"changed")
    changed = cli("verify", "starter/Q4_0")
    assert changed.code == 1
    assert "is not what was recorded" in changed.out
    assert "get the model again" in changed.out
    listed = {model["key"]: model["files"] for model in cli("list", "--json").json()["models"]}
    assert {file["type"] for file in listed["starter"]} == {"Q4_1", "Q4_0"}


def test_a_folder_of_models_is_imported_where_it_lies(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "publisher" / "repository" / "tiny.gguf"
    file.parent.mkdir(parents=True)
    write_tiny_gguf(file)
    (tmp_path / "publisher" / "broken.gguf").write_bytes(b"GGUF")
    write_tiny_gguf(tmp_path / "publisher" / "strange.gguf", architecture="qwen9moe")
    ran = cli("import", str(tmp_path / "publisher"), "--json")
    assert ran.code == 0, ran.err
    document = ran.json()
    assert [model["path"] for model in document["models"]] == [str(file)]
    assert "broken.gguf" in document["refused"][0]
    assert "architecture “qwen9moe”" in document["refused"][1]
    unknown = cli("verify", "tiny")
    assert unknown.code == 0, unknown.err
    assert "No hash was recorded" in unknown.out


def test_a_build_without_a_type_takes_the_recommended_one(cli: Cli) -> None:
    ran = cli("build", "starter", "--imatrix", "off")
    assert ran.code == 0, ran.err
    [kind] = re.findall("Without --type, (Q8_0|Q4_K_M) is made", ran.err)
    assert ran.out.startswith(f"{kind} ")
    kept = json.loads((cli.home / "data" / "measured.json").read_bytes())
    assert ("That is provisional" in ran.err) is not kept["reply_speed"]["quiet"]


@pytest.mark.parametrize(("asked", "kind"), [("Q8_0", "Q8_0"), ("q6_k", "Q6_K"), ("latest", "Q4_K_M")])
def test_a_type_that_is_not_here_is_told_with_how_to_get_it(cli: Cli, asked: str, kind: str) -> None:
    ran = cli("verify", f"r1-qwen-7b/{asked}")
    assert ran.code == 1
    assert f"r1-qwen-7b/{asked} is not on this computer yet." in ran.err
    assert f"stillroom build r1-qwen-7b --type {kind}" in ran.err


def test_a_damaged_checkpoint_is_refused_by_name(cli: Cli, checkpoint: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for name in SMALL_FILES:
        shutil.copy(checkpoint / name, damaged)
    with (checkpoint / "model.safetensors").open("rb") as whole:
        (damaged / "model.safetensors").write_bytes(whole.read(1 << 20))
    ran = cli("build", str(damaged), "--type", "Q8_0")
    assert ran.code == 1
    assert "model.safetensors" in ran.err
    assert "Traceback" not in ran.err


def test_list_names_the_whole_catalogue(cli: Cli) -> None:
    models = cli("list", "--json").json()["models"]
    assert len(models) == 8
    r1 = models[0]
    assert (r1["key"], r1["repo"]) == ("r1-qwen-1.5b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B")
    assert r1["files"] == []
    assert r1["sizes"]["Q4_K_M"] == pytest.approx(1.1e9, rel=0.05)
