"""Find the files of Stillroom's own that can be deleted to make room, with their sizes."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.base.log import log_file
from app.base.paths import AppPaths
from models.store.store import InstalledModel, ModelStore
from models.store.work_locks import all_locked, is_worked_in
from models.system.disk_space import same_disk

FreeableKind = Literal["model", "unfinished", "weights", "trash", "chat states", "cuda", "logs"]


@dataclass(frozen=True, slots=True)
class Freeable:
    """Something that can be deleted for good. `name` is the model's, where it is of one."""

    kind: FreeableKind
    bytes: int
    paths: tuple[Path, ...]
    name: str = ""
    model: InstalledModel | None = None


def find_freeable(paths: AppPaths, store: ModelStore, folder: Path) -> list[Freeable]:
    """List those on the disk of `folder`, the largest first; nothing that is worked on now. Reads the disk.

    The models may lie on another disk than the rest."""
    found = [*_models(store), *_on_the_way(paths, store), *_others(paths, store)]
    here = [each for each in found if each.bytes and same_disk(each.paths[0], folder)]
    return sorted(here, key=lambda each: -each.bytes)


def delete_for_good(what: Freeable, store: ModelStore) -> None:
    """Delete it. Raises `StillroomError` where it is worked on now, `OSError` where the system refuses."""
    if what.model is not None:
        store.erase(what.model)
        return
    with all_locked([path for path in what.paths if path.is_dir()]):
        pass  # Windows deletes no file that is open, so they are let go of before
    for path in what.paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _models(store: ModelStore) -> Iterator[Freeable]:
    for model in store.listing().models:
        if not model.bundled and not model.imported:
            yield Freeable(
                "model", taken_bytes(model.path), (model.path,), f"{model.name} {model.type}", model
            )


def _on_the_way(paths: AppPaths, store: ModelStore) -> Iterator[Freeable]:
    for folder in _folders(paths.checkpoints):
        if not is_worked_in(folder):
            unfinished = any(folder.rglob("*.part"))
            yield Freeable(
                "unfinished" if unfinished else "weights", taken_bytes(folder), (folder,), _model_of(folder)
            )
    for folder in _folders(store.work_folder("any").parent):
        if not is_worked_in(folder):
            yield Freeable("unfinished", taken_bytes(folder), (folder,), _model_of(folder))


def _others(paths: AppPaths, store: ModelStore) -> Iterator[Freeable]:
    yield Freeable("trash", store.trash_bytes(), tuple(store.trash()))
    yield Freeable("chat states", taken_bytes(paths.chat_states), tuple(_inside(paths.chat_states)))
    if os.name != "nt":  # there they may be in use
        yield Freeable("cuda", taken_bytes(paths.cuda), (paths.cuda,))
    present = log_file(paths.logs)
    old = tuple(file for file in _inside(paths.logs) if file.is_file() and file != present)
    yield Freeable("logs", sum(map(taken_bytes, old)), old)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _folders(folder: Path) -> list[Path]:
    return [path for path in _inside(folder) if path.is_dir()]


def _model_of(folder: Path) -> str:
    return folder.name.replace("--", "/", 1)


def taken_bytes(path: Path) -> int:
    """Return the bytes that a file or folder takes on the disk; what vanishes meanwhile takes none."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    total = 0
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            continue
        total += stat.st_blocks * 512 if hasattr(stat, "st_blocks") else stat.st_size
    return total
