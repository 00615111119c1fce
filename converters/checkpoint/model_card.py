"""A model's general.* metadata: its name and size, the publisher's sampling defaults, the README's front
matter.

Follows `Metadata` of llama.cpp's gguf-py (metadata.py), which reads a name such as
`DeepSeek-R1-Distill-Qwen-1.5B` as base name, fine-tune, version and size.
"""

import re
from collections.abc import Sequence

import yaml

from converters.checkpoint.checkpoint import Checkpoint, Json
from converters.checkpoint.model_name import rounded_size, split_name, title
from converters.gguf.gguf_metadata import Metadata

_FLOAT_SAMPLING = {
    "top_p": "top_p",
    "min_p": "min_p",
    "xtc_probability": "xtc_probability",
    "xtc_threshold": "xtc_threshold",
    "temp": "temperature",
}
_LONGEST_NAME = 200
_CARD_ALIASES = {
    "name": ("name", "model_name"),
    "author": ("author", "model_author", "model_creator"),
    "version": ("version", "model_version"),
    "organization": ("organization", "model_organization"),
    "description": ("description", "model_description"),
    "finetune": ("finetune", "model_finetune"),
    "basename": ("basename", "model_basename", "model_type"),
    "size_label": ("size_label", "model_size_label"),
    "license": ("license",),
    "license.name": ("license_name",),
    "license.link": ("license_link",),
    "source.url": ("url", "model_url"),
    "source.doi": ("doi", "model_doi"),
    "source.uuid": ("uuid", "model_uuid"),
    "source.repo_url": ("repo_url", "model_repo_url"),
}

_WRITTEN = (
    "name", "author", "version", "organization", "finetune", "basename", "description", "size_label",
    "license", "license.name", "license.link", "source.url", "source.doi", "source.uuid", "source.repo_url",
)  # fmt: skip


def add_general(metadata: Metadata, checkpoint: Checkpoint, name: str, parameters: int) -> None:
    """Put general.* into `metadata`. `name` is the model's own name, used where the checkpoint has no
    other.
    """
    card = read_card(checkpoint)
    facts = {key: _first(card, aliases) for key, aliases in _CARD_ALIASES.items()}
    for source in (checkpoint.config.get("_name_or_path"), name):
        if isinstance(source, str) and 0 < len(source) <= _LONGEST_NAME and source.count("/") <= 1:
            parts = split_name(source, parameters)
            facts["name"] = facts["name"] or title(parts.full)
            for key in ("organization", "basename", "finetune", "version", "size_label"):
                facts[key] = facts[key] or getattr(parts, key)
    facts["name"] = facts["name"] or name
    facts["size_label"] = facts["size_label"] or rounded_size(parameters)
    metadata.set_string("general.type", "model")
    _add_sampling(metadata, checkpoint.generation_config())
    for key in _WRITTEN:
        metadata.set_string(f"general.{key}", facts[key])
    _add_origins(metadata, "base_model", _listed(card, "base_model", "base_models", "base_model_sources"))
    _add_origins(metadata, "dataset", _listed(card, "datasets", "dataset", "dataset_sources"))
    metadata.set_strings("general.tags", _texts(card, "tags", "pipeline_tag"))
    metadata.set_strings("general.languages", _texts(card, "languages", "language"))


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


def _add_sampling(metadata: Metadata, generation: Json) -> None:
    if isinstance(sequence := generation.get("sequence"), str):
        metadata.set_string("general.sampling.sequence", sequence)
    _add_int(metadata, "top_k", generation.get("top_k"))
    for key, source in _FLOAT_SAMPLING.items():
        _add_float(metadata, key, generation.get(source))
    _add_int(metadata, "penalty_last_n", generation.get("penalty_last_n"))
    repetition = generation.get("penalty_repeat", generation.get("repetition_penalty"))
    _add_float(metadata, "penalty_repeat", repetition)
    _add_int(metadata, "mirostat", generation.get("mirostat"))
    _add_float(metadata, "mirostat_tau", generation.get("mirostat_tau"))
    _add_float(metadata, "mirostat_eta", generation.get("mirostat_eta"))


def _add_int(metadata: Metadata, key: str, value: object) -> None:
    if type(value) is int and -(2**31) <= value < 2**31:
        metadata.set_int32(f"general.sampling.{key}", value)


def _add_float(metadata: Metadata, key: str, value: object) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 3e38:
        metadata.set_float32(f"general.sampling.{key}", float(value))


def _add_origins(metadata: Metadata, kind: str, origins: Sequence[object] | None) -> None:
    """Add the models or data sets that a model comes from, by repository id or address."""
    if origins is None:
        return
    metadata.set_uint32(f"general.{kind}.count", len(origins))
    for place, origin in enumerate(origins):
        if isinstance(origin, str):
            for key, value in _origin(origin).items():
                metadata.set_string(f"general.{kind}.{place}.{key}", value)


def _origin(origin: str) -> dict[str, str]:
    found: dict[str, str] = {}
    repo, url = origin, ""
    if origin.startswith(("http://", "https://", "ssh://")):
        match = re.match(r"https?://huggingface.co/([^/]+/[^/]+)$", origin)
        if match is None:
            return {"repo_url": origin}
        repo, url = match.group(1), origin
    parts = split_name(repo)
    if not url and parts.organization:
        url = f"https://huggingface.co/{parts.organization}/{parts.full}"
    found["name"] = title(parts.full)
    found["version"] = parts.version
    found["organization"] = title(parts.organization)
    found["repo_url"] = url
    return found


def _first(card: Json, aliases: Sequence[str]) -> str:
    for alias in aliases:
        value = card.get(alias)
        if isinstance(value, list):
            return ",".join(str(item) for item in value)
        if value is not None:
            return str(value)
    return ""


def _listed(card: Json, *keys: str) -> Sequence[object] | None:
    for key in keys:
        if key in card:
            value = card[key]
            return value if isinstance(value, list) else [value] if isinstance(value, str) else None
    return None


def _texts(card: Json, *keys: str) -> list[str]:
    found: list[str] = []
    for key in keys:
        value = card.get(key)
        if isinstance(value, list):
            found += [str(item) for item in value]
        elif isinstance(value, str):
            found.append(value)
    return found
