"""The files that are dragged onto the window."""

from pathlib import Path

from PySide6.QtCore import QMimeData

MODEL_SUFFIX = ".gguf"


def dropped_files(source: QMimeData) -> list[Path]:
    """The files and folders of a drag or of the clipboard."""
    return [Path(url.toLocalFile()) for url in source.urls() if url.isLocalFile()] if source.hasUrls() else []


def dropped_models(source: QMimeData) -> list[Path]:
    """The GGUF files and the folders among them: what the window adds to its models."""
    return [path for path in dropped_files(source) if path.suffix.lower() == MODEL_SUFFIX or path.is_dir()]
