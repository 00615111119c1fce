"""Hundreds of GGUF and safetensors files with one thing wrong, and settings files that lie.

Each is read or refused at once, in little memory, with one sentence; none ends the process that loads models.
"""

import hashlib
import itertools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

from app.base.children import child_command
from converters.build.build_client import build
from converters.gguf.gguf_reader import check_gguf
from converters.imatrix.imatrix_file import ImportanceMatrix, Sums, write_imatrix
from converters.lora.lora import convert_adapter, read_adapter
from converters.process.messages import BuildRequest
from converters.system.errors import GgufError
from tests.support.adapters import write_adapter
from tests.support.gguf_mutants import mutants
from tests.support.loading_child import CRASHED, LoadingChild
from tests.support.measured import Outcome, table
from tests.support.tiny_models import make_tiny_model

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a process's peak and resets it"),
]

MOST_S, MOST_LOAD_S = 6.0, 30.0
"""The promises are 2 s and 10 s; a machine that does other things too may take longer."""
MOST_BYTES = 500 << 20


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that can be loaded; its file is called after its architecture."""
    folder = tmp_path_factory.mktemp("whole")
    source = make_tiny_model(request.param, folder)
    built = build(BuildRequest(source, ["F16"], folder / "out", "m"), child_command("build"))
    return built.outputs[0].path.rename(folder / f"{request.param}.gguf")


def read(kind: str, base: Path, folder: Path) -> list[Outcome]:
    child = subprocess.run(
        [sys.executable, "-m", "tests.support.hostile_files_child", kind, str(base), str(folder)],
        stdout=subprocess.PIPE,
        timeout=1800,
        check=True,
    )
    return [msgspec.json.decode(line, type=Outcome) for line in child.stdout.splitlines()]


def assert_bounded(outcomes: list[Outcome], most_s: float) -> None:
    wrong = [
        outcome
        for outcome in outcomes
        if not outcome.is_clean or outcome.peak_bytes > MOST_BYTES or outcome.seconds > most_s
    ]
    assert not wrong, "\n".join(map(str, wrong))


def test_hostile_ggufs_are_shown_or_refused_at_once(whole: Path, tmp_path: Path) -> None:
    before = hashlib.sha256(whole.read_bytes()).digest()
    outcomes = read("gguf", whole, tmp_path / "allowed")
    print()
    print(table(f"{whole.stem}, inspect", outcomes))
    assert_bounded(outcomes, MOST_S)
    assert len(outcomes) > 640
    assert hashlib.sha256(whole.read_bytes()).digest() == before
    assert [path.name for path in tmp_path.iterdir()] == ["allowed"]


def test_no_hostile_gguf_ends_the_process_that_loads_it(whole: Path, tmp_path: Path) -> None:
    file = tmp_path / "mutant.gguf"
    outcomes: list[Outcome] = []
    ends: Counter[str] = Counter()
    with LoadingChild() as engine:
        engine.load("once", whole)
        engine.ordinary_bytes = engine.load("again", whole).peak_bytes
        for name, data in mutants(whole.read_bytes(), whole.stem):
            file.write_bytes(data)
            try:
                check_gguf(file)
            except GgufError:
                ends["refused by our check"] += 1
                continue
            outcomes.append(engine.load(name, file))
            ends[outcomes[-1].error or "loaded"] += 1
    print()
    print(ends.most_common())
    print(table(f"{whole.stem}, loads", outcomes))
    assert ends[CRASHED] == 0, [outcome for outcome in outcomes if outcome.error == CRASHED]
    assert_bounded(outcomes, MOST_LOAD_S)


def test_hostile_importance_matrices_are_refused_at_once(tmp_path: Path) -> None:
    base = tmp_path / "base.gguf"
    sums = {
        f"blk.{layer}.ffn_up.weight": Sums(np.ones((1, 64), np.float32), np.full(1, 512, np.int64))
        for layer in range(4)
    }
    write_imatrix(ImportanceMatrix(sums, 3, 512, ("text",)), base, {"note": "x"})
    outcomes = read("imatrix", base, tmp_path / "allowed")
    print()
    print(table("importance matrices", outcomes))
    assert_bounded(outcomes, MOST_S)
    assert not outcomes[0].error


def test_no_hostile_adapter_ends_the_process_that_loads_it(whole: Path, tmp_path: Path) -> None:
    config = make_tiny_model(whole.stem, tmp_path)
    adapter = write_adapter(tmp_path / "adapter", json.loads((config / "config.json").read_text()), seed=1)
    file = tmp_path / "adapter.gguf"
    convert_adapter(read_adapter(adapter), config, file)
    outcomes = []
    with LoadingChild() as engine:
        ordinary = engine.adapt("whole", whole, file)
        assert not ordinary.error, ordinary
        engine.ordinary_bytes = ordinary.peak_bytes
        for name, data in itertools.islice(mutants(file.read_bytes(), whole.stem), 0, None, 3):
            mutant = tmp_path / "mutant.gguf"
            mutant.write_bytes(data)
            outcomes.append(engine.adapt(name, whole, mutant))
    print()
    print(table(f"adapters for {whole.stem}", outcomes))
    assert not [outcome for outcome in outcomes if outcome.error == CRASHED]
    assert_bounded(outcomes, MOST_LOAD_S)


def test_hostile_safetensors_and_settings_are_refused_at_once(tmp_path: Path) -> None:
    base = make_tiny_model("qwen2", tmp_path / "base")
    outcomes = read("checkpoint", base, tmp_path / "allowed")
    print()
    print(table("safetensors and settings", outcomes))
    assert_bounded(outcomes, MOST_S)
    assert len(outcomes) > 300
    assert sorted(path.name for path in tmp_path.iterdir()) == ["allowed", "base"]
