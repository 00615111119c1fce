"""Fetch one file that has the sha256 it is pinned to, or nothing: for tools that no registry has."""

import hashlib
import urllib.request
from pathlib import Path

LONGEST_S = 60


def fetch(address: str, sha256: str, target: Path) -> Path:
    """The file at `target`, fetched unless it is there; ends with a sentence where it is another one."""
    if not target.exists() or digest(target) != sha256:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with urllib.request.urlopen(address, timeout=LONGEST_S) as answer, part.open("wb") as file:
            while piece := answer.read(1 << 20):
                file.write(piece)
        found = digest(part)
        if found != sha256:
            part.unlink()
            raise SystemExit(f"{address} has the sha256 {found}, not {sha256}: nothing of it is used.")
        part.replace(target)
    return target


def digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
