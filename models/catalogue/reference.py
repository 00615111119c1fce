"""Find the model that the user means by MODEL."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from models.catalogue.catalogue import CatalogueModel, find, near_matches
from models.system.errors import StillroomError
from models.system.regular_file import open_regular

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class CatalogueReference:
    """A model of the catalogue."""

    model: CatalogueModel


@dataclass(frozen=True, slots=True)
class HubReference:
    """A Hugging Face repository; `file` names one GGUF file in it, "" leaves the choice open."""

    repo: str
    file: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class CheckpointReference:
    """A folder with `config.json` and safetensors."""

    folder: Path


@dataclass(frozen=True, slots=True)
class GgufReference:
    """A GGUF file on this computer."""

    file: Path


Reference = CatalogueReference | HubReference | CheckpointReference | GgufReference


def parse_reference(text: str) -> Reference:
    """Find the model that `text` names.

    A catalogue key or name, a path (to a GGUF file or a checkpoint's folder), a Hugging Face id
    (`owner/name`, `owner/name:file.gguf`), or a page of a Hugging Face repository. What exists on disk
    goes before an id of the same spelling. Raises `StillroomError` with near matches otherwise.
    """
    text = text.strip()
    model = find(text)
    if model is not None:
        return CatalogueReference(model)
    on_disk = _on_disk(text)
    if on_disk is not None:
        return on_disk
    if text.startswith(("https://", "http://")):
        return _from_page(text)
    repo, colon, file = text.partition(":")
    if _REPO.fullmatch(repo) and (_is_gguf(file) if colon else not _is_gguf(repo)):
        return HubReference(repo, file)
    raise _unknown(text)


def _is_gguf(name: str) -> bool:
    return name.lower().endswith(".gguf")


def _begins_as_gguf(path: Path) -> bool:
    """Tell whether a file with another suffix, such as a blob of Ollama's, is a GGUF file."""
    with contextlib.suppress(OSError), open_regular(path) as file:
        return file.read(4) == b"GGUF"
    return False


def _on_disk(text: str) -> Reference | None:
    if not text:
        return None
    path = Path(text).expanduser()
    if path.is_dir():
        if (path / "config.json").is_file():
            return CheckpointReference(path.absolute())
        found = sorted(path.glob("*.gguf"))
        if len(found) == 1:
            return GgufReference(found[0].absolute())
        raise StillroomError(
            "The folder {folder} holds no checkpoint: there is no config.json in it.",
            "Name the folder that holds config.json and the .safetensors files, or one .gguf file.",
            folder=str(path),
        )
    if path.is_file() and (_is_gguf(path.name) or _begins_as_gguf(path)):
        return GgufReference(path.absolute())
    if path.exists():
        raise StillroomError(
            "{file} is no GGUF file.",
            "Name a .gguf file, or the folder that holds config.json and the .safetensors files.",
            file=str(path),
        )
    return None


def _from_page(address: str) -> Reference:
    parts = [unquote(part) for part in urlsplit(address).path.split("/") if part]
    repo = "/".join(parts[:2])
    if not _REPO.fullmatch(repo):
        raise StillroomError(
            "The address {address} names no model repository.",
            "Copy the address of the model's own page, such as https://huggingface.co/owner/name.",
            address=address,
        )
    revision = parts[3] if len(parts) > 3 and parts[3] != "main" else ""
    file = "/".join(parts[4:]) if parts[2:3] in (["blob"], ["resolve"]) and _is_gguf(parts[-1]) else ""
    known = find(repo)
    if known is not None and not file and not revision:
        return CatalogueReference(known)
    return HubReference(repo, file, revision)


def _unknown(text: str) -> StillroomError:
    if not text:
        return StillroomError("No model was named.", "See “stillroom list” for the models to choose from.")
    if _is_gguf(text):
        return StillroomError(
            "The file {file} does not exist.",
            "Check the path, or name a model of “stillroom list”.",
            file=text,
        )
    near = near_matches(text)
    if near:
        return StillroomError(
            "There is no model called {name}.", "Did you mean {near}?", name=text, near=" / ".join(near)
        )
    return StillroomError(
        "There is no model called {name}.",
        "Name a model of “stillroom list”, a Hugging Face id (owner/name), a folder or a GGUF file.",
        name=text,
    )
