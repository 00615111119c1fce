"""Models that other programs keep on this computer, found where they lie.

Ollama: `manifests/<registry>/<owner>/<model>/<tag>`, a JSON file whose layer of the type
`application/vnd.ollama.image.model` names a blob `blobs/sha256-<hex>` that is a GGUF file
(https://github.com/ollama/ollama, manifest/). LM Studio: `<publisher>/<repository>/<file>.gguf`
(https://lmstudio.ai/docs/app/advanced/import-model). Any other folder: its `.gguf` files.
"""

import itertools
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.system.foreign_json import parse_json
from models.system.regular_file import read_regular

log = logging.getLogger(__name__)

_OLLAMA_MODEL = "application/vnd.ollama.image.model"
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_PART = re.compile(r"-\d{5}-of-\d{5}$")
_MOST_FILES = 2000
_MOST_ENTRIES = 20_000
_LARGEST_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ForeignModel:
    """A GGUF file that belongs to another program. `sha256` is what that program says it is, or empty;
    `is_part` marks one of a model in several files."""

    path: Path
    name: str
    sha256: str = ""
    is_part: bool = False


def find_foreign_models(folder: Path) -> list[ForeignModel]:
    """Find the models below `folder`: an Ollama folder, LM Studio's, or any other; sorted by name.

    Files beside a model that are none (projectors for pictures) are left out.
    """
    ollama = _ollama_root(folder)
    found = list(_ollama_models(ollama) if ollama is not None else _gguf_files(folder))
    return sorted(found, key=lambda model: model.name.casefold())


def _ollama_root(folder: Path) -> Path | None:
    for root in (folder, folder / "models"):
        if (root / "manifests").is_dir() and (root / "blobs").is_dir():
            return root
    return None


def _ollama_models(root: Path) -> Iterator[ForeignModel]:
    manifests = root / "manifests"
    for count, path in enumerate(sorted(itertools.islice(manifests.rglob("*"), _MOST_ENTRIES))):
        if count == _MOST_FILES:
            log.warning("%s holds more than %s manifests", manifests, _MOST_FILES)
            return
        if not path.is_file():
            continue
        digest = _model_digest(path)
        if digest:
            blob = root / "blobs" / f"sha256-{digest}"
            yield ForeignModel(blob, _ollama_name(path.relative_to(manifests)), digest)


def _model_digest(path: Path) -> str:
    try:
        manifest: Any = parse_json(read_regular(path, _LARGEST_MANIFEST_BYTES))
        layers = manifest["layers"]
        named = [str(layer["digest"]) for layer in layers if layer["mediaType"] == _OLLAMA_MODEL]
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.info("%s is no manifest of Ollama: %s", path, error)
        return ""
    match = _DIGEST.fullmatch(named[0]) if len(named) == 1 else None
    return match[1] if match else ""


def _ollama_name(path: Path) -> str:
    """Return the name in `ollama list`: registry.ollama.ai/library/deepseek-r1/8b is deepseek-r1:8b."""
    *places, model, tag = path.parts
    owner = [place for place in places[1:] if place != "library"]
    return f"{'/'.join([*owner, model])}:{tag}"


def _gguf_files(folder: Path) -> Iterator[ForeignModel]:
    for count, path in enumerate(sorted(itertools.islice(folder.rglob("*.gguf"), _MOST_ENTRIES))):
        if count == _MOST_FILES:
            log.warning("%s holds more than %s GGUF files", folder, _MOST_FILES)
            return
        if path.is_file() and "mmproj" not in path.name.lower():
            yield ForeignModel(path, path.stem, is_part=bool(_PART.search(path.stem)))
