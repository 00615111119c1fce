"""Fingerprints that tell the models of logged requests apart."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from models.system.file_stamp import FileMark, mark
from models.system.regular_file import open_regular

SAMPLE_BYTES = 1 << 20


class ModelFingerprints:
    """The SHA-256 that was recorded when a model was made, or one of a sample of its file. One thread."""

    def __init__(self, recorded: Callable[[Path], str]) -> None:
        """`recorded` gives the recorded hash of a file, empty where there is none."""
        self._recorded = recorded
        self._known: dict[str, tuple[FileMark | None, str]] = {}

    def __call__(self, path: str) -> str:
        """`sha256:…` of the whole file, `sample:…` of its size, beginning and end, or empty."""
        now = mark(path)
        known = self._known.get(path)
        if known is None or known[0] != now:
            known = self._known[path] = (now, self._find(Path(path)) if now is not None else "")
        return known[1]

    def _find(self, path: Path) -> str:
        recorded = self._recorded(path)
        return f"sha256:{recorded}" if recorded else _sample(path)


def _sample(path: Path) -> str:
    try:
        with open_regular(path) as file:
            size = path.stat().st_size
            digest = hashlib.sha256(f"{size}\n".encode())
            digest.update(file.read(SAMPLE_BYTES))
            file.seek(max(0, size - SAMPLE_BYTES))
            digest.update(file.read(SAMPLE_BYTES))
    except OSError:
        return ""
    return f"sample:{digest.hexdigest()}"
