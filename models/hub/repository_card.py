"""Facts that a hub tells about a repository beside its files: licence, size, architecture, likes."""

import functools
import re
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from models.system.shown_text import shown

T = TypeVar("T")

_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
MOST_FOUND = 30
"""A search tells of no more models."""
LONGEST_SEARCH = 200
"""Characters of a search for repositories."""

_LICENCE = "license:"
_LONGEST_NAME = 60
_SPDX = (
    "AFL-3.0 AGPL-3.0 Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear BSL-1.0 CC0-1.0 "
    "CC-BY-2.0 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-2.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 "
    "CC-BY-NC-SA-2.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 "
    "CDLA-Permissive-1.0 CDLA-Permissive-2.0 CDLA-Sharing-1.0 ECL-2.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 "
    "GPL-2.0 GPL-3.0 ISC LGPL-2.1 LGPL-3.0 LPPL-1.3c MIT MPL-2.0 MS-PL NCSA OFL-1.1 OSL-3.0 PostgreSQL "
    "Unlicense WTFPL Zlib"
)
"""Licences as https://spdx.org/licenses spells them, of those that a hub tells in small letters
(https://huggingface.co/docs/hub/repositories-licenses)."""
_LICENCES = {name.lower(): name for name in _SPDX.split()}
_MOST_FACT_BYTES = 256 << 10
"""Of one fact, such as the tags, or the configuration with its chat template: many times what there is."""
_MOST_ARCHITECTURES = 16
_LONGEST_ARCHITECTURE = 200

_Count = Annotated[int, Meta(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class RepositoryCard:
    """A repository as a hub describes it; what it does not tell is empty or 0.

    `licence` is SPDX's name where it has one. `architecture` is Hugging Face's name of original weights,
    `gguf_architecture` GGUF's of finished files. `downloads` are those of the last 30 days.
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
    architectures: (
        Annotated[
            list[Annotated[str, Meta(max_length=_LONGEST_ARCHITECTURE)]], Meta(max_length=_MOST_ARCHITECTURES)
        ]
        | None
    ) = None


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
    tags = _fact(told.tags, list[msgspec.Raw]) or []
    words = [word for word in (_read(tag, str) for tag in tags) if word]
    licence = next((word.removeprefix(_LICENCE) for word in words if word.startswith(_LICENCE)), "")
    tensors = _fact(told.safetensors, _Tensors) or _Tensors()
    gguf = _fact(told.gguf, _Gguf) or _Gguf()
    # False, or "auto" or "manual": who lets people in.
    gated = _fact(told.gated, bool) or bool(_fact(told.gated, str))
    return RepositoryCard(
        repo=told.id,
        parameters=tensors.total or gguf.total,
        licence=_LICENCES.get(licence.lower(), shown(licence, _LONGEST_NAME)),
        downloads=_fact(told.downloads, _Count) or 0,
        likes=_fact(told.likes, _Count) or 0,
        architecture=shown(next(iter(read_architectures(told.config)), ""), _LONGEST_NAME),
        gguf_architecture=shown(gguf.architecture, _LONGEST_NAME),
        context_tokens=gguf.context_length,
        gated=gated,
        has_gguf="gguf" in words or bool(gguf.total),
        has_weights="safetensors" in words or bool(tensors.total),
    )


def read_architectures(config: msgspec.Raw) -> tuple[str, ...]:
    """Read the architectures in a configuration as the hub tells it; they are optional."""
    read = _fact(config, _Config) or _Config()
    return tuple(shown(name) for name in read.architectures or ())


def first_items(data: bytes, most: int) -> tuple[msgspec.Raw, ...]:
    """Return the first `most` items of a list, unread; of a longer one no more is kept in memory.

    Raises `msgspec.DecodeError` for what is no list.
    """
    return msgspec.structs.astuple(msgspec.json.decode(data, type=_items_type(most)))


@functools.cache
def _items_type(most: int) -> type[msgspec.Struct]:
    # Items beyond the fields of such a struct are passed over; a list would hold each of millions.
    fields = [(f"item{number}", msgspec.Raw, msgspec.Raw(b"null")) for number in range(most)]
    return msgspec.defstruct("Items", fields, array_like=True, frozen=True)


def _fact(data: msgspec.Raw, kind: type[T]) -> T | None:
    return _read(data, kind) if len(memoryview(data)) <= _MOST_FACT_BYTES else None


def _read(data: bytes | msgspec.Raw, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
