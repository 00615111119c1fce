"""Small LoRA adapters with random weights, as PEFT writes them, the same every time."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.checkpoint.architectures import expected_tensors, read_settings
from converters.lora.lora import convert_adapter, read_adapter
from models.catalogue.starter import starter_file
from tests.support.checkpoints import round_to_bf16, write_json, write_safetensors, write_starter_config

MODULES = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.down_proj")


def write_adapter(
    folder: Path,
    config: dict[str, Any],
    *,
    seed: int = 1,
    rank: int = 4,
    dtype: str = "F32",
    strength: float = 0.1,
    modules: tuple[str, ...] = MODULES,
    **options: object,
) -> Path:
    """Write an adapter for the model of `config` (config.json's contents); `options` go into its own."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    tensors: dict[str, npt.NDArray[Any]] = {}
    for name, (_, shape, _) in expected_tensors(read_settings(config)):
        module = name.removesuffix(".weight")
        if not name.endswith(".weight") or not module.endswith(modules):
            continue
        for part, size in (("A", (rank, shape[-1])), ("B", (shape[0], rank))):
            values = (rng.standard_normal(size) * strength).astype(np.float32)
            if dtype == "BF16":
                tensors[f"base_model.model.{module}.lora_{part}.weight"] = round_to_bf16(values)
            else:
                tensors[f"base_model.model.{module}.lora_{part}.weight"] = values.astype(
                    np.float16 if dtype == "F16" else np.float32
                )
    random.Random(seed).shuffle(order := list(tensors))
    write_safetensors(folder / "adapter_model.safetensors", {name: tensors[name] for name in order})
    write_json(
        folder / "adapter_config.json",
        {
            "peft_type": "LORA",
            "base_model_name_or_path": "somebody/a-base-model",
            "r": rank,
            "lora_alpha": 8,
            "bias": "none",
            "fan_in_fan_out": False,
            "target_modules": [module.rpartition(".")[2] for module in modules],
            "task_type": "CAUSAL_LM",
            **options,
        },
    )
    return folder


def build_starter_adapters(parent: Path, count: int) -> list[Path]:
    """GGUF adapters for the starter model, each another one."""
    starter = starter_file()
    assert starter is not None, "the `starter` extra is not installed"
    base = write_starter_config(starter, parent / "base")
    config = json.loads((base / "config.json").read_text("utf-8"))
    paths = []
    for seed in range(1, count + 1):
        folder = write_adapter(parent / f"adapter{seed}", config, seed=seed, rank=8, strength=0.2)
        paths.append(parent / f"adapter{seed}.gguf")
        convert_adapter(read_adapter(folder), base, paths[-1])
    return paths
