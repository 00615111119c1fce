import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import LoopbackHub

REPO = "owner/tiny-model"
WEIGHTS_BYTES = 3 * (1 << 20) + 12345


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A repository's folder: two shards of random bytes, small text files, and a pickle nobody wants."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    rng = random.Random(7)
    for number in (1, 2):
        name = f"model-0000{number}-of-00002.safetensors"
        (folder / name).write_bytes(rng.randbytes(WEIGHTS_BYTES))
    (folder / "config.json").write_text(json.dumps({"architectures": ["Qwen2ForCausalLM"]}))
    (folder / "tokenizer.json").write_text("{}" * 4000)
    (folder / "generation_config.json").write_text("")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "notes.md").write_text("nothing")
    return folder


@pytest.fixture
def hub(checkpoint: Path) -> Iterator[LoopbackHub]:
    with LoopbackHub() as server:
        server.add(REPO, checkpoint)
        yield server
