r"""Make tests/data/converters/lora.json: what llama.cpp's convert_lora_to_gguf.py makes of the test adapters.

Only hashes are kept. To make them again, as in `make_reference`:

    python -m tests.support.make_lora_reference --llama-cpp DIR --python PYTHON --work DIR
"""

import argparse
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import gguf

from tests.support.adapters import MODULES, write_adapter
from tests.support.make_reference import DATA, checkpoint_hashes
from tests.support.tiny_models import make_tiny_model

ADAPTERS: dict[str, dict[str, Any]] = {
    "llama": {"dtype": "BF16", "seed": 2},
    "qwen2": {"dtype": "F32", "rank": 8, "modules": (*MODULES, "lm_head", "mlp.gate_proj", "mlp.up_proj")},
    "qwen3": {"dtype": "F16", "rank": 2, "rank_pattern": {}, "lora_alpha": 16},
}
"""Of each family one, in another type each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("llama-cpp", "python", "work"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    options = parser.parse_args()
    document = {}
    for key in ADAPTERS:
        model = make_tiny_model(key, options.work)
        adapter = make_adapter(key, model, options.work / f"{key}-adapter")
        file = options.work / f"{key}-adapter.gguf"
        script = options.llama_cpp / "convert_lora_to_gguf.py"
        command = [options.python, script, "--base", model, "--outfile", file, adapter]
        subprocess.run([str(part) for part in command], check=True)
        document[key] = {"adapter": checkpoint_hashes(adapter), "tensors": tensor_hashes(file)}
    (DATA / "lora.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def make_adapter(key: str, model: Path, folder: Path) -> Path:
    """The test adapter for the tiny model `key`."""
    config = json.loads((model / "config.json").read_text("utf-8"))
    return write_adapter(folder, config, **ADAPTERS[key])


def tensor_hashes(path: Path) -> dict[str, list[Any]]:
    """Each tensor's type, shape and hash, and the alpha."""
    reader = gguf.GGUFReader(path)
    hashes = {
        tensor.name: [
            tensor.tensor_type.name,
            [int(n) for n in tensor.shape],
            hashlib.sha256(tensor.data.tobytes()).hexdigest()[:16],
        ]
        for tensor in sorted(reader.tensors, key=lambda tensor: tensor.name)
    }
    fields = reader.fields
    for name in ("general.architecture", "general.type", "adapter.type", "adapter.lora.alpha"):
        hashes[name] = [fields[name].contents()]
    return hashes


if __name__ == "__main__":
    main()
