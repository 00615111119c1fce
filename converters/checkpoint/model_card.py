"""A model's general.* metadata: its name and size, the publisher's sampling defaults, the README's front
matter.

llama.cpp's own library reads a name such as `DeepSeek-R1-Distill-Qwen-1.5B` as base name, fine-tune, version
and size; what it is given is bounded and cleaned here.
"""

from pathlib import Path

import gguf
import yaml

from converters.checkpoint.checkpoint import Checkpoint, Json

_INT_SAMPLING = ("top_k", "penalty_last_n", "mirostat")
_FLOAT_SAMPLING = {
    "top_p": "top_p",
    "min_p": "min_p",
    "xtc_probability": "xtc_probability",
    "xtc_threshold": "xtc_threshold",
    "temp": "temperature",
    "penalty_repeat": "penalty_repeat",
    "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
}
_LONGEST_NAME = 200
_LISTS = (
    "base_model", "base_models", "base_model_sources", "dataset", "datasets", "dataset_sources",
    "tags", "pipeline_tag", "languages", "language",
)  # fmt: skip


def add_general(metadata: gguf.GGUFWriter, checkpoint: Checkpoint, name: str, parameters: int) -> None:
    """Put general.* into `metadata`. `name` is the model's own name, used where the checkpoint has no
    other.
    """
    stated = checkpoint.config.get("_name_or_path")
    is_name = isinstance(stated, str) and 0 < len(stated) <= _LONGEST_NAME
    found = gguf.Metadata.apply_metadata_heuristic(
        gguf.Metadata(),
        _cleaned(read_card(checkpoint)),
        {"_name_or_path": stated} if is_name else None,
        Path(name) if len(name) <= _LONGEST_NAME else None,
        parameters,
    )
    found.name = found.name or name
    found.size_label = found.size_label or gguf.size_label(parameters, 0, 0, 0)
    _add_sampling(found, checkpoint.generation_config())
    metadata.add_type(gguf.GGUFType.MODEL)
    found.set_gguf_meta_model(metadata)


def read_card(checkpoint: Checkpoint) -> Json:
    """Read the YAML front matter of the README; empty where there is none or it is not YAML."""
    lines = checkpoint.head("README.md").splitlines()
    if not lines or lines[0] != "---":
        return {}
    end = lines.index("---", 1) if "---" in lines[1:] else len(lines)
    # `- no` is the language, not false; tabs are no YAML.
    text = "\n".join([*lines[1:end], ""]).replace("- no\n", '- "no"\n').replace("\t", "  ")
    try:
        # A few aliases of aliases are lists of billions.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            return {}
        card = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        return {}
    return card if isinstance(card, dict) else {}


def _cleaned(card: Json) -> Json:
    """Return the card with texts in the place of what YAML makes of them, and lists where they may be."""
    cleaned: Json = {}
    for key, value in card.items():
        if isinstance(value, list):
            cleaned[key] = [_item(item) for item in value] if key in _LISTS else ",".join(map(str, value))
        elif value is not None and not isinstance(value, dict):
            cleaned[key] = str(value)
    return cleaned


def _item(item: object) -> str | dict[str, str]:
    """Return an item of a list; a model may be described by a table."""
    return {str(key): str(value) for key, value in item.items()} if isinstance(item, dict) else str(item)


def _add_sampling(found: gguf.Metadata, generation: Json) -> None:
    generation.setdefault("penalty_repeat", generation.get("repetition_penalty"))
    if isinstance(sequence := generation.get("sequence"), str):
        found.sampling_sequence = sequence
    for key in _INT_SAMPLING:
        number = generation.get(key)
        if type(number) is int and -(2**31) <= number < 2**31:
            setattr(found, f"sampling_{key}", number)
    for key, source in _FLOAT_SAMPLING.items():
        value = generation.get(source)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 3e38:
            setattr(found, f"sampling_{key}", float(value))
