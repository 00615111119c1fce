"""A checkpoint that lacks something is refused by name before anything is written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.build.checkpoint_source import Conversion
from converters.checkpoint.architectures import FAMILIES, read_settings
from converters.checkpoint.checkpoint import Checkpoint
from converters.system.errors import CheckpointError
from tests.support.checkpoints import write_json, write_safetensors

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def copied(checkpoints: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a small checkpoint, to be damaged."""
    return lambda key: Path(shutil.copytree(checkpoints[key], tmp_path / key))


def edit(file: Path, change: Change) -> None:
    document = json.loads(file.read_text("utf-8"))
    change(document)
    write_json(file, document)


def setting(key: str, value: object) -> Change:
    return lambda document: document.update({key: value})


REFUSED_SETTINGS: dict[str, tuple[str, str, object, str]] = {
    "architecture": (
        "qwen2",
        "architectures",
        ["Qwen2MoeForCausalLM"],
        "Qwen2MoeForCausalLM is not supported",
    ),
    "no architecture": ("qwen2", "architectures", None, "none named"),
    "quantised": ("llama", "quantization_config", {"quant_method": "fp8"}, r"already quantised \(fp8\)"),
    "activation": ("llama", "hidden_act", "gelu", "hidden_act = gelu"),
    "sliding window": ("qwen2", "use_sliding_window", True, "use_sliding_window"),
    "rope type": ("llama", "rope_scaling", {"rope_type": "longrope", "factor": 2.0}, "longrope"),
    "rope without its factor": ("llama", "rope_scaling", {"rope_type": "yarn"}, "yarn in .* has no factor"),
    "rope text": ("llama", "rope_scaling", "yes", "position scaling yes"),
    "llama3 scaling of another family": (
        "qwen2",
        "rope_scaling",
        {"rope_type": "llama3", "factor": 8.0},
        "position scaling llama3",
    ),
    "no size": ("llama", "hidden_size", None, r"hidden_size = \(missing\)"),
    "a size that is text": ("llama", "hidden_size", "512", "hidden_size = 512 .* makes no sense"),
    "a negative size": ("llama", "num_hidden_layers", -4, "num_hidden_layers"),
    "a true size": ("llama", "num_hidden_layers", True, "num_hidden_layers"),
    "an endless norm": ("llama", "rms_norm_eps", 1e400, "rms_norm_eps"),
    "heads that do not fit": ("llama", "num_key_value_heads", 3, "do not fit together"),
    "other layers": ("llama", "num_hidden_layers", 5, r"no tensor model\.layers\.4\."),
    "fewer layers": ("llama", "num_hidden_layers", 3, r"holds the tensor model\.layers\.3\."),
    "another width": ("qwen3", "intermediate_size", 640, r"has the shape .* asks for"),
    "a vocabulary that is too small": ("qwen2", "vocab_size", 300, "shape"),
}


@pytest.mark.parametrize("case", list(REFUSED_SETTINGS))
def test_a_setting_that_is_not_supported_is_named(case: str, copied: Callable[[str], Path]) -> None:
    key, name, value, message = REFUSED_SETTINGS[case]
    folder = copied(key)
    edit(folder / "config.json", setting(name, value))
    with pytest.raises(CheckpointError, match=message) as refused:
        Conversion(folder, "model")
    assert refused.value.hint


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model-00002-of-00003.safetensors"])
def test_a_missing_file_is_named(name: str, copied: Callable[[str], Path]) -> None:
    folder = copied("llama")
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        Checkpoint(folder)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors.index.json"])
def test_a_damaged_settings_file_is_named(name: str, content: bytes, copied: Callable[[str], Path]) -> None:
    folder = copied("llama")
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{name} is damaged"):
        Checkpoint(folder)


@pytest.mark.parametrize("target", ["../model.safetensors", "/etc/passwd", "..\\model.safetensors", 7])
def test_an_index_cannot_point_out_of_the_folder(target: object, copied: Callable[[str], Path]) -> None:
    folder = copied("llama")
    edit(
        folder / "model.safetensors.index.json", lambda d: d["weight_map"].update({"lm_head.weight": target})
    )
    with pytest.raises(CheckpointError, match=r"index\.json is damaged"):
        Checkpoint(folder)


def test_an_index_and_files_that_disagree_are_refused(copied: Callable[[str], Path]) -> None:
    folder = copied("llama")
    index = folder / "model.safetensors.index.json"
    edit(index, lambda document: document["weight_map"].pop("lm_head.weight"))
    with pytest.raises(CheckpointError, match=r"lm_head\.weight is not in the index"):
        Checkpoint(folder)
    edit(index, lambda d: d["weight_map"].update({"lm_head.weight": "model-00003-of-00003.safetensors"}))
    with pytest.raises(CheckpointError, match=r"lm_head\.weight is not in model-00003"):
        Checkpoint(folder)


def test_a_tensor_in_two_files_is_refused(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen2")
    write_safetensors(folder / "model-extra.safetensors", {"model.norm.weight": np.ones(256, np.float32)})
    with pytest.raises(CheckpointError, match=r"model\.norm\.weight is in .* and again in"):
        Checkpoint(folder)


def test_weights_of_another_type_are_refused(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen2")
    file = folder / "model.safetensors"
    data = file.read_bytes().replace(b'"dtype": "BF16"', b'"dtype": "I16" ', 1)
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match="is stored as I16"):
        Conversion(folder, "model")


def test_no_safetensors_at_all(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen2")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="no safetensors weights"):
        Checkpoint(folder)


def test_constants_of_old_checkpoints_are_left_out(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen2")
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    write_safetensors(folder / "model-old.safetensors", {name: np.ones(32, np.float32)})
    assert "rotary" not in str(Conversion(folder, "model").tensors)


def test_a_tied_head_may_be_there_or_not(copied: Callable[[str], Path]) -> None:
    folder = copied("qwen2")
    edit(folder / "config.json", setting("tie_word_embeddings", True))
    assert "output.weight" in [tensor.name for tensor in Conversion(folder, "model").tensors]


def test_both_spellings_of_the_rotary_settings() -> None:
    config: dict[str, object] = {
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 64,
        "intermediate_size": 128,
        "max_position_embeddings": 2048,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "vocab_size": 300,
    }
    old = read_settings(config | {"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}})
    new = read_settings(config | {"rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 2}})
    assert (old.rope.theta, old.rope.scaling, old.rope.numbers["factor"]) == (5e5, "linear", 2.0)
    assert (new.rope.theta, new.rope.scaling, new.rope.numbers["factor"]) == (5e5, "linear", 2.0)
    assert read_settings(config).rope.theta == 10000.0
    assert set(FAMILIES) == {"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"}
