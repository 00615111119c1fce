"""The facts of a GGUF file's model that llama.cpp's mixtures depend on."""

from pathlib import Path

from converters.gguf.gguf_reader import GgufSummary
from converters.system.errors import BuildError
from models.quantisation.quantisation_mixture import MixtureModel

_ARCHITECTURES = ("llama", "qwen2", "qwen3")
"""The ones whose mixtures are known (models/quantisation/quantisation_mixture.py)."""


def mixture_model(path: Path, summary: GgufSummary) -> MixtureModel:
    """Return the facts of the model in `path`. Raises `BuildError` for one whose mixtures are not known."""
    architecture = summary.text("general.architecture")
    experts = summary.metadata.get(f"{architecture}.expert_count", 0)
    if architecture not in _ARCHITECTURES or experts:
        raise BuildError(
            "{file} is a {architecture} model, which Stillroom does not quantise.",
            "Look for a ready-made GGUF file in the type that you want.",
            file=path.name,
            architecture=architecture or "nameless",
        )
    numbers: list[int] = []
    for key in ("block_count", "attention.head_count", "attention.head_count_kv"):
        value = summary.metadata.get(f"{architecture}.{key}")
        if value is None and key == "attention.head_count_kv":
            value = numbers[-1]
        if type(value) is not int or not 0 < value < 2**31:
            raise BuildError(
                "{file} does not say what its {key} is.",
                "Download or build it again.",
                file=path.name,
                key=f"{architecture}.{key}",
            )
        numbers.append(value)
    return MixtureModel(architecture, *numbers)
