"""A drag is judged by its name, without a look at the disk."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QUrl

from app.ui.widgets.dropped import (
    dropped_files,
    dropped_with_models,
    dropped_without_models,
    hold_folder,
)


def dragged(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def test_files_are_judged_by_their_names_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = os.stat

    def waits(path: Any, **how: Any) -> os.stat_result:
        assert not str(path).startswith(str(tmp_path)), "a network that does not answer"
        return stat(path, **how)

    monkeypatch.setattr(os, "stat", waits)
    names = ("m.gguf", "M.GGUF", "note.txt", "a.pdf", "Llama-3.1", "Qwen2.5B", "README")
    paths = {name: tmp_path / name for name in names}

    def taken(find: Callable[[QMimeData], list[Path]]) -> set[str]:
        return {name for name, path in paths.items() if find(dragged(path))}

    assert taken(dropped_files) == set(names)
    assert taken(dropped_with_models) == {"m.gguf", "M.GGUF", "Llama-3.1", "Qwen2.5B", "README"}
    assert taken(dropped_without_models) == set(names) - {"m.gguf", "M.GGUF"}
    both = dragged(paths["note.txt"], paths["m.gguf"])
    assert dropped_with_models(both) == [paths["note.txt"], paths["m.gguf"]]
    assert dropped_without_models(both) == []


def test_a_folder_is_found_once_they_are_let_go(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("text", encoding="utf-8")
    assert hold_folder([file, tmp_path])
    assert not hold_folder([file, tmp_path / "gone"])
