"""The files that are dragged onto the window."""

from pathlib import Path

from PySide6.QtCore import QMimeData

MODEL_SUFFIX = ".gguf"


def dropped_files(source: QMimeData) -> list[Path]:
    """The files and folders of a drag or of the clipboard."""
    return [Path(url.toLocalFile()) for url in source.urls() if url.isLocalFile()] if source.hasUrls() else []


def dropped_models(source: QMimeData) -> list[Path]:
    """The GGUF files and the folders among them: what may be added to the models."""
    return [path for path in dropped_files(source) if _is_model(path) or path.is_dir()]


def dropped_with_models(source: QMimeData) -> list[Path]:
    """All files and folders, where models may be among them: of the others is told why they are not added."""
    return dropped_files(source) if dropped_models(source) else []


def dropped_texts(source: QMimeData) -> list[Path]:
    """The files and folders, where no GGUF file is among them: what the Code tab opens."""
    files = dropped_files(source)
    return [] if any(map(_is_model, files)) else files


def _is_model(path: Path) -> bool:
    return path.suffix.lower() == MODEL_SUFFIX
