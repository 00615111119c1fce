"""Our files equal those of llama.cpp's own converter and llama-quantize, of which tests/data holds the
hashes.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from app.base.children import child_command
from converters.build.build_client import build
from converters.gguf.gguf_reader import inspect
from converters.process.messages import BuildRequest
from models.catalogue.starter import starter_file
from tests.support.checkpoints import rebuild_starter
from tests.support.make_reference import DATA, FULL, QUANTISED, checkpoint_hashes, describe
from tests.support.tiny_models import TINY_MODELS


def reference(key: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DATA / f"{key}.json").read_text("utf-8"))
    return document


def assert_equal_to_reference(key: str, checkpoint: Path, types: tuple[str, ...], out: Path) -> None:
    expected = reference(key)
    assert checkpoint_hashes(checkpoint) == expected["checkpoint"]
    result = build(BuildRequest(checkpoint, types, out, checkpoint.name), child_command("build"))
    assert [output.type for output in result.outputs] == list(types)
    for output in result.outputs:
        wanted = expected["outputs"][output.type]
        if output.sha256 != wanted["sha256"] and "tensors" in wanted:
            assert describe(output.path) == wanted  # says what differs
        assert (output.sha256, output.bytes) == (wanted["sha256"], wanted["bytes"])


@pytest.mark.parametrize("key", list(TINY_MODELS))
def test_small_models_equal_the_reference(key: str, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    assert_equal_to_reference(key, checkpoints[key], FULL + QUANTISED, tmp_path)


def test_the_starter_equals_the_reference(starter_checkpoint: Path, tmp_path: Path) -> None:
    assert_equal_to_reference("starter", starter_checkpoint, ("BF16", "Q4_K_M", "Q8_0"), tmp_path)


@pytest.mark.faults
def test_the_starter_equals_the_reference_in_every_type(starter_checkpoint: Path, tmp_path: Path) -> None:
    assert_equal_to_reference("starter", starter_checkpoint, FULL + QUANTISED, tmp_path)


def test_a_sharded_checkpoint_gives_the_same_tensors(tmp_path: Path, starter_checkpoint: Path) -> None:
    starter = starter_file()
    assert starter is not None
    sharded = rebuild_starter(starter, tmp_path / starter_checkpoint.name, shards=3)
    name = starter_checkpoint.name
    result = build(BuildRequest(sharded, ["bf16"], tmp_path, name), child_command("build"))
    # Another order of the tensors in the file, the same tensors in it.
    wanted = reference("starter")["outputs"]["BF16"]["tensors"]
    assert tensor_hashes(result.outputs[0].path) == {name: digest for name, (_, _, digest) in wanted.items()}


def tensor_hashes(file: Path) -> dict[str, str]:
    data = file.read_bytes()
    return {
        tensor.name: hashlib.sha256(data[tensor.offset : tensor.offset + tensor.bytes]).hexdigest()[:16]
        for tensor in inspect(file).tensors
    }
