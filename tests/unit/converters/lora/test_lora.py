"""Adapters: equal to llama.cpp's own converter, and refused where a conversion would be something else."""

import json
import math
import os
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.gguf.gguf_reader import inspect
from converters.lora.adapter_folder import is_adapter
from converters.lora.lora import convert_adapter, read_adapter
from converters.system.errors import CheckpointError
from models.system.errors import Cancelled
from tests.support.adapters import write_adapter
from tests.support.checkpoints import write_json, write_safetensors
from tests.support.make_lora_reference import ADAPTERS, make_adapter, tensor_hashes
from tests.support.make_reference import DATA, checkpoint_hashes

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 1,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 96,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base model's folder, with its settings only."""
    folder = tmp_path / "base"
    folder.mkdir()
    write_json(folder / "config.json", CONFIG)
    return folder


def convert(folder: Path, base: Path) -> Path:
    target = base.parent / "adapter.gguf"
    convert_adapter(read_adapter(folder), base, target)
    return target


@pytest.mark.parametrize("key", list(ADAPTERS))
def test_an_adapter_equals_the_reference(key: str, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    expected = json.loads((DATA / "lora.json").read_text("utf-8"))[key]
    folder = make_adapter(key, checkpoints[key], tmp_path / f"{key}-adapter")
    assert checkpoint_hashes(folder) == expected["adapter"]
    target = tmp_path / "adapter.gguf"
    convert_adapter(read_adapter(folder), checkpoints[key], target)
    assert tensor_hashes(target) == expected["tensors"]


def test_a_rank_stabilised_adapter_keeps_its_strength(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", CONFIG, rank=16, use_rslora=True)
    alpha = inspect(convert(folder, base)).metadata["adapter.lora.alpha"]
    assert isinstance(alpha, float)
    # llama.cpp multiplies by alpha / rank, PEFT by alpha / sqrt(rank).
    assert math.isclose(alpha / 16, 8 / math.sqrt(16))


def test_embeddings_lie_the_other_way(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", CONFIG, modules=())
    name = "base_model.model.model.embed_tokens.lora_embedding_"
    write_safetensors(
        folder / "adapter_model.safetensors",
        {name + "A": np.ones((4, 96), np.float32), name + "B": np.ones((32, 4), np.float32)},
    )
    shapes = {tensor.name: tensor.shape for tensor in inspect(convert(folder, base)).tensors}
    assert shapes == {"token_embd.weight.lora_a": (4, 96), "token_embd.weight.lora_b": (4, 32)}


@pytest.mark.parametrize(
    "options",
    [
        {"peft_type": "IA3"},
        {"use_dora": True},
        {"bias": "lora_only"},
        {"fan_in_fan_out": True},
        {"alpha_pattern": {"q_proj": 4}},
        {"use_rslora": True, "rank_pattern": {"q_proj": 4}},
        {"r": 0},
        {"lora_alpha": "many"},
    ],
)
def test_what_is_no_plain_lora_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    folder = write_adapter(tmp_path / "adapter", CONFIG, **options)
    with pytest.raises(CheckpointError, match="does not convert"):
        read_adapter(folder)


@pytest.mark.parametrize(
    ("name", "shapes", "message"),
    [
        ("model.layers.0.self_attn.q_proj.lora_{}.weight", {"A": (4, 33), "B": (32, 4)}, "do not fit"),
        ("model.layers.0.self_attn.q_proj.lora_{}.weight", {"A": (4, 32), "B": (32, 5)}, "do not fit"),
        ("model.layers.0.self_attn.q_proj.lora_{}.weight", {"A": (4, 32)}, "only one"),
        ("model.layers.7.self_attn.q_proj.lora_{}.weight", {"A": (4, 32), "B": (32, 4)}, "do not have"),
        ("lm_head.lora_{}.weight", {"A": (4, 32), "B": (96, 4)}, "do not have"),
        ("model.layers.0.self_attn.q_proj.lora_{}.weight", {"A": (0, 32), "B": (32, 0)}, "do not fit"),
        ("model.layers.0.self_attn.q_proj.lora_{}.weight", {"A": (8, 32), "B": (32, 8)}, "the rank 8"),
        ("model.layers.0.self_attn.q_proj.magnitude{}", {"A": (4, 32)}, "no matrix of a LoRA"),
    ],
)
def test_matrices_that_do_not_belong_are_refused(
    base: Path, tmp_path: Path, name: str, shapes: dict[str, tuple[int, ...]], message: str
) -> None:
    folder = write_adapter(tmp_path / "adapter", CONFIG)
    tensors = {
        "base_model.model." + name.format(part): np.ones(shape, np.float32) for part, shape in shapes.items()
    }
    write_safetensors(folder / "adapter_model.safetensors", tensors)
    with pytest.raises(CheckpointError, match=message):
        convert(folder, base)


def test_numbers_that_are_none_are_refused(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", CONFIG, strength=math.inf)
    with pytest.raises(CheckpointError, match="infinite"):
        convert(folder, base)


def test_no_rank_is_larger_than_the_model(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", CONFIG, rank=33, rank_pattern={"q_proj": 4})
    with pytest.raises(CheckpointError, match="the rank 33"):
        convert(folder, base)


def test_an_adapter_larger_than_the_memory_comes_in_pieces(tmp_path: Path) -> None:
    """Its file is sparse, and what is written is compared by the piece, too."""
    base = tmp_path / "base"
    base.mkdir()
    write_json(base / "config.json", CONFIG | {"hidden_size": 512, "vocab_size": 100_000})
    folder = write_adapter(tmp_path / "adapter", CONFIG, modules=(), rank=400)
    sizes = {"A": (400, 100_000), "B": (512, 400)}
    header, end = {}, 0
    for part, (rows, columns) in sizes.items():
        start, end = end, end + 2 * rows * columns
        name = f"base_model.model.model.embed_tokens.lora_embedding_{part}"
        header[name] = {"dtype": "F16", "shape": [rows, columns], "data_offsets": [start, end]}
    head = json.dumps(header).encode()
    with (folder / "adapter_model.safetensors").open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        # The value in row 399 and column 99,999.
        file.seek(2 * 400 * 100_000 - 2, os.SEEK_CUR)
        file.write(np.array(1.5, "<f2").tobytes())
        file.truncate(8 + len(head) + end)
    tracemalloc.start()
    target = convert(folder, base)
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most_bytes < 100_000_000
    first = inspect(target).tensors[0]
    written = np.memmap(target, "<f4", "r", first.offset, (100_000, 400))
    assert written[99_999, 399] == 1.5
    assert np.count_nonzero(written) == 1


def test_nothing_is_left_of_a_conversion_that_is_stopped_or_fails(base: Path, tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    adapter = read_adapter(write_adapter(tmp_path / "adapter", CONFIG))
    with pytest.raises(Cancelled):
        convert_adapter(adapter, base, tmp_path / "out.gguf", cancel)
    adapter = read_adapter(write_adapter(tmp_path / "infinite", CONFIG, strength=math.inf))
    with pytest.raises(CheckpointError, match="infinite"):
        convert_adapter(adapter, base, tmp_path / "out.gguf")
    assert not list(tmp_path.glob("out.gguf*"))


def test_only_an_adapters_folder_is_one(base: Path, tmp_path: Path) -> None:
    assert is_adapter(write_adapter(tmp_path / "adapter", CONFIG))
    assert not is_adapter(base)
