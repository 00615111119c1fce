"""The files that are dragged onto the window.

While they are dragged nothing but their names is looked at: a network that does not answer would hold the
window at every move of the mouse. Which of them are folders is found beside it once they are let go.
"""

import mimetypes
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData

MODEL_SUFFIX = ".gguf"

_KINDS = mimetypes.MimeTypes()
"""Python's own list: the system's calls ".1" a manual, and "Llama-3.1" is a folder."""


def dropped_files(source: QMimeData) -> list[Path]:
    """The files and folders of a drag or of the clipboard."""
    return [Path(url.toLocalFile()) for url in source.urls() if url.isLocalFile()] if source.hasUrls() else []


def dropped_with_models(source: QMimeData) -> list[Path]:
    """All files and folders, where models may be among them: of the others is told why they are not added."""
    files = dropped_files(source)
    return files if any(_is_model(path) or _may_be_folder(path) for path in files) else []


def dropped_without_models(source: QMimeData) -> list[Path]:
    """The files and folders, where no GGUF file is among them: what Code opens, and what is attached."""
    files = dropped_files(source)
    return [] if any(map(_is_model, files)) else files


def hold_folder(paths: Sequence[Path]) -> bool:
    """Tell whether a folder is among them; waits for the disk."""
    return any(path.is_dir() for path in paths)


def _is_model(path: Path) -> bool:
    return path.suffix.lower() == MODEL_SUFFIX


def _may_be_folder(path: Path) -> bool:
    return _KINDS.guess_type(path.name)[0] is None
