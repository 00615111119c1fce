"""`stillroom build ADAPTER`: the GGUF file of a Hugging Face adapter (LoRA)."""

import hashlib
import threading
from pathlib import Path

from converters.lora.lora import Adapter, convert_adapter, read_adapter
from converters.system.errors import CheckpointError
from models.hub.file_names import is_unsafe

ADAPTER_TYPE = "F32"
"""The matrices are small, and llama.cpp adds them to the weights in full precision."""


def build_adapter(
    folder: Path,
    base: Path | None,
    out: Path | None,
    checkpoints: Path,
    cancel: threading.Event | None = None,
) -> tuple[Path, str]:
    """Write the adapter's GGUF file into `out`, or beside its weights; its path and sha256.

    Of the base model only config.json is needed: from `base`, from the adapter's own folder, or from
    original weights that were downloaded into `checkpoints`. Raises `CheckpointError`, `DiskFullError`,
    `Cancelled` and `OSError`.
    """
    adapter = read_adapter(folder)
    target_folder = out or folder
    target_folder.mkdir(parents=True, exist_ok=True)
    target = target_folder / f"{folder.name}.gguf"
    convert_adapter(adapter, base or _base_of(adapter, checkpoints), target, cancel)
    with target.open("rb") as file:
        return target, hashlib.file_digest(file, "sha256").hexdigest()


def _base_of(adapter: Adapter, checkpoints: Path) -> Path:
    name = adapter.base_model.rpartition("/")[2]
    folders = [adapter.folder]
    if not is_unsafe(name):
        folders.append(checkpoints / name)
    for folder in folders:
        if (folder / "config.json").is_file():
            return folder
    raise CheckpointError(
        "The adapter {adapter} was trained on {base}, and that model's config.json is not here.",
        "Name a folder that holds it with --base; the model's weights are not needed.",
        adapter=adapter.folder.name,
        base=adapter.base_model or "?",
    )
