"""Another type of a model that is on disk already: quantised anew from its GGUF file."""

from dataclasses import replace
from pathlib import Path

from converters.gguf.file_type import file_type
from converters.gguf.gguf_reader import GgufSummary, inspect
from models.catalogue.catalogue import catalogue
from models.quantisation.file_size import tensor_bytes
from models.quantisation.quantisation_mixture import MixtureModel, mixture
from models.store.store import InstalledModel, ModelStore


def source_of(path: Path, store: ModelStore) -> InstalledModel:
    """Describe the file `path` by the model that files made of it belong to: one of the store, or a model
    that it does not know. Raises `GgufError`."""
    kind = file_type(inspect(path))
    found = next((model for model in store.listing().models if model.path == path), None)
    if found is None:
        return InstalledModel(path.stem, kind, path, path.stat().st_size)
    known = next((model.name for model in catalogue() if model.key == found.key), found.name)
    return replace(found, name=known, type=kind)


def estimated_bytes(summary: GgufSummary, kind: str) -> int:
    """Estimate the bytes of the file that quantising this one to `kind` makes."""
    architecture = summary.text("general.architecture")
    numbers = [
        value if isinstance(value, int) else 1
        for name in ("block_count", "attention.head_count", "attention.head_count_kv")
        for value in [summary.metadata.get(f"{architecture}.{name}")]
    ]
    shapes = {tensor.name: tensor.shape[::-1] for tensor in summary.tensors}
    kinds = mixture(kind, shapes, MixtureModel(architecture, *numbers))
    return summary.data_offset + sum(
        tensor_bytes((shapes[tensor.name], kinds[tensor.name])) if tensor.name in kinds else tensor.bytes
        for tensor in summary.tensors
    )
