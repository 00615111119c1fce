"""A build that is killed leaves no half-made file under a final name, and done again it ends with the right
bytes.
"""

import hashlib
import json
import random
import subprocess
from pathlib import Path

import pytest

from app.base.children import child_command
from converters.build.build_client import build
from converters.gguf.gguf_reader import check_gguf
from converters.process.messages import BuildRequest, line_of
from models.catalogue.starter import starter_file
from tests.support.checkpoints import rebuild_starter
from tests.support.make_reference import DATA, STARTER_FOLDER

TYPES = {"convert": ("BF16",), "quantise": ("Q4_K_M", "Q8_0"), "verify": ("BF16", "Q4_K_M")}
COMMAND = child_command("build")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    starter = starter_file()
    if starter is None:
        pytest.skip("the starter extra is not installed")
    return rebuild_starter(starter, tmp_path_factory.mktemp("starter") / STARTER_FOLDER)


def right_hash(kind: str) -> str:
    outputs = json.loads((DATA / "starter.json").read_text("utf-8"))["outputs"]
    return str(outputs[kind]["sha256"])


def kill_at(checkpoint: Path, out: Path, stage: str, fraction: float) -> None:
    """Start a build and kill it as soon as it says that it has come so far in `stage`, or past it."""
    request = BuildRequest(checkpoint, list(TYPES[stage]), out, checkpoint.name)
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(line_of(request))
        worker.stdin.flush()
        reached = False
        for line in worker.stdout:
            said = json.loads(line)
            assert said["type"] == "progress", said
            step = said["progress"]
            reached = reached or step["stage"] == stage
            if reached and (step["stage"] != stage or step["done"] >= fraction * step["total"]):
                break
        worker.kill()


def assert_whole_or_absent(out: Path, checkpoint: Path) -> None:
    for file in out.glob("[!.]*"):
        check_gguf(file)
        kind = file.stem.removeprefix(f"{checkpoint.name}-")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == right_hash(kind)


def assert_rerun_is_right(out: Path, checkpoint: Path, stage: str) -> None:
    result = build(BuildRequest(checkpoint, TYPES[stage], out, checkpoint.name), COMMAND)
    assert [output.type for output in result.outputs] == list(TYPES[stage])
    assert all(output.sha256 == right_hash(output.type) for output in result.outputs)
    assert sorted(file.name for file in out.iterdir()) == sorted(
        output.path.name for output in result.outputs
    )


@pytest.mark.parametrize("stage", ["convert", "quantise", pytest.param("verify", marks=pytest.mark.faults)])
def test_a_killed_build_is_done_again(stage: str, checkpoint: Path, tmp_path: Path) -> None:
    kill_at(checkpoint, tmp_path, stage, 0.4)
    # What is hashed behind its writers is verified in a moment, and may have its name by now.
    assert stage == "verify" or list(tmp_path.glob(".*.gguf.part"))
    assert_whole_or_absent(tmp_path, checkpoint)
    assert_rerun_is_right(tmp_path, checkpoint, stage)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", ["convert", "quantise"])
def test_twenty_kills_in_a_row_and_a_rerun_after_each(stage: str, checkpoint: Path, tmp_path: Path) -> None:
    rng = random.Random(20)
    for _ in range(20):
        kill_at(checkpoint, tmp_path, stage, rng.random())
        assert_whole_or_absent(tmp_path, checkpoint)
        assert_rerun_is_right(tmp_path, checkpoint, stage)
        for file in tmp_path.iterdir():
            file.unlink()
