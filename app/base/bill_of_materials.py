"""Name what this very program consists of: every package, its version, licence and the file it came from.

A bundle carries the list that was made with it (packaging/parts_list.py); elsewhere Python's own notes
on what is installed tell it.
"""

import importlib.metadata
import json
import sys
from importlib.resources import files
from pathlib import Path

import msgspec

BUNDLED = "parts.cdx.json"
ORIGINS = "stillroom-origins.json"
"""Beside the interpreter's environment; packaging/environment.py writes it."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A package. `sha256` is that of the file it was installed from, empty where nobody noted it."""

    name: str
    version: str
    licence: str = ""
    sha256: str = ""


class _Licence(msgspec.Struct, frozen=True):
    name: str = ""
    id: str = ""


class _Choice(msgspec.Struct, frozen=True):
    license: _Licence = _Licence()
    expression: str = ""


class _Hash(msgspec.Struct, frozen=True):
    content: str


class _Component(msgspec.Struct, frozen=True):
    name: str
    version: str
    licenses: list[_Choice] = []
    hashes: list[_Hash] = []


class _Document(msgspec.Struct, frozen=True):
    components: list[_Component]


def parts() -> list[Part]:
    """The parts by name; those of the system's package manager are named in a bundle alone."""
    listed = files("resources") / BUNDLED
    found = read_list(listed.read_bytes()) if listed.is_file() else _installed(_origins())
    return sorted(found, key=lambda part: part.name.lower())


def read_list(document: bytes) -> list[Part]:
    """The components of a CycloneDX document. Raises msgspec.DecodeError."""
    return [
        Part(
            name=component.name,
            version=component.version,
            licence=" and ".join(
                choice.expression or choice.license.id or choice.license.name for choice in component.licenses
            ),
            sha256=component.hashes[0].content if component.hashes else "",
        )
        for component in msgspec.json.decode(document, type=_Document).components
    ]


def _installed(origins: dict[str, dict[str, str]]) -> list[Part]:
    found: dict[str, Part] = {}
    for distribution in importlib.metadata.distributions():
        about = distribution.metadata
        name, version = _field(about, "Name"), _field(about, "Version")
        if not name or not version or name == "stillroom":
            continue
        origin = origins.get(name.lower().replace("_", "-").replace(".", "-"), {})
        found.setdefault(
            name.lower(),
            Part(
                name=name,
                version=version,
                licence=_field(about, "License-Expression"),
                sha256=origin.get("sha256", "") if origin.get("version") == version else "",
            ),
        )
    return list(found.values())


def _field(about: importlib.metadata.PackageMetadata, name: str) -> str:
    """Of a package's metadata; empty where it is not there, for which some versions raise."""
    return next(iter(about.get_all(name) or ()), "")


def _origins() -> dict[str, dict[str, str]]:
    try:
        noted: dict[str, dict[str, str]] = json.loads((Path(sys.prefix) / ORIGINS).read_bytes())
    except (OSError, ValueError):
        return {}
    return noted
