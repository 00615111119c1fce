"""Facts that a hub tells about a repository beside its files: licence, size, architecture, likes."""

import re
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from models.system.shown_text import shown

T = TypeVar("T")

_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
LONGEST_SEARCH = 200
"""Characters of a search for repositories."""

_LICENCE = "license:"
_LONGEST_NAME = 60
_MOST_TAGS = 2000

_Count = Annotated[int, Meta(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class RepositoryCard:
    """A repository as a hub describes it; what it does not tell is empty or 0.

    `architecture` is Hugging Face's name of original weights, `gguf_architecture` GGUF's of finished files.
    `downloads` are those of the last 30 days.
    """

    repo: str
    parameters: int = 0
    licence: str = ""
    downloads: int = 0
    likes: int = 0
    architecture: str = ""
    gguf_architecture: str = ""
    context_tokens: int = 0
    gated: bool = False
    has_gguf: bool = False
    has_weights: bool = False


class _Tensors(msgspec.Struct, frozen=True):
    total: _Count = 0


class _Gguf(msgspec.Struct, frozen=True):
    total: _Count = 0
    architecture: str = ""
    context_length: _Count = 0


class _Config(msgspec.Struct, frozen=True):
    architectures: list[str] = []


class _Told(msgspec.Struct, frozen=True):
    """https://huggingface.co/docs/hub/api; each fact is read by itself, so that a strange one costs no
    other."""

    id: str
    tags: msgspec.Raw = msgspec.Raw(b"[]")
    downloads: msgspec.Raw = msgspec.Raw(b"0")
    likes: msgspec.Raw = msgspec.Raw(b"0")
    gated: msgspec.Raw = msgspec.Raw(b"false")
    safetensors: msgspec.Raw = msgspec.Raw(b"null")
    gguf: msgspec.Raw = msgspec.Raw(b"null")
    config: msgspec.Raw = msgspec.Raw(b"null")


def read_card(data: bytes | msgspec.Raw) -> RepositoryCard | None:
    """Read what the hub tells of one repository; None for what has no name that can be asked for."""
    told = _read(data, _Told)
    if told is None or not _REPO.fullmatch(told.id):
        return None
    tags = (_read(told.tags, list[msgspec.Raw]) or [])[:_MOST_TAGS]
    words = [word for word in (_read(tag, str) for tag in tags) if word]
    licence = next((word.removeprefix(_LICENCE) for word in words if word.startswith(_LICENCE)), "")
    tensors = _read(told.safetensors, _Tensors) or _Tensors()
    gguf = _read(told.gguf, _Gguf) or _Gguf()
    config = _read(told.config, _Config) or _Config()
    # False, or "auto" or "manual": who lets people in.
    gated = _read(told.gated, bool) or bool(_read(told.gated, str))
    return RepositoryCard(
        repo=told.id,
        parameters=tensors.total or gguf.total,
        licence=shown(licence, _LONGEST_NAME),
        downloads=_read(told.downloads, _Count) or 0,
        likes=_read(told.likes, _Count) or 0,
        architecture=shown(next(iter(config.architectures), ""), _LONGEST_NAME),
        gguf_architecture=shown(gguf.architecture, _LONGEST_NAME),
        context_tokens=gguf.context_length,
        gated=gated,
        has_gguf="gguf" in words or bool(gguf.total),
        has_weights="safetensors" in words or bool(tensors.total),
    )


def _read(data: bytes | msgspec.Raw, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
