"""Where the models lie: in the data folder, or in a folder that the user moved them to."""

from pathlib import Path

import msgspec

from app.base.paths import AppPaths
from app.settings import SettingsFile
from models.store.move_models import ModelsMove, finish_move
from models.store.store import ModelStore, not_there
from models.system.json_file import DamagedJsonError, load_json
from models.system.notices import tell
from models.system.progress import UNWATCHED, JobContext


def models_root(paths: AppPaths, settings: SettingsFile) -> Path:
    """Return the folder of the models."""
    chosen = settings.values.models_folder
    return Path(chosen) if chosen else paths.models


def models_root_on_disk(paths: AppPaths) -> Path | None:
    """Return the folder that the user's models were moved to, by any process; None where they were not, or
    the settings cannot be read."""
    try:
        folder = load_json(paths.settings, _Place).value.models_folder
    except (OSError, DamagedJsonError):
        return None
    return Path(folder) if folder else None


class _Place(msgspec.Struct, frozen=True):
    """The settings that say it."""

    models_folder: str = ""


def tell_where_away(store: ModelStore) -> None:
    """Tell where the folder that the user chose is not there."""
    if not store.is_there:
        tell(not_there(store.root))


class ModelsPlace:
    """Moves the models of `store`; the methods block, and may be called on any thread but the GUI's."""

    def __init__(self, settings: SettingsFile, store: ModelStore) -> None:
        self._settings = settings
        self._store = store

    @property
    def folder(self) -> Path:
        """The folder of the models."""
        return self._store.root

    @property
    def unfinished(self) -> Path | None:
        """The folder of a move that was interrupted; it goes on by `move`, or is taken back by `undo`."""
        target = self._settings.values.models_move
        return Path(target) if target else None

    def move(self, target: Path, job: JobContext = UNWATCHED) -> None:
        """Move all models to `target`, or go on with that. Raises `StillroomError`, and `Cancelled`."""
        target = target.absolute()
        if not self._store.is_there:
            raise not_there(self.folder)
        if not self._settings.values.models_folder:
            self.folder.mkdir(parents=True, exist_ok=True)

        def begin() -> None:
            self._settings.update(models_move=str(target))

        def commit() -> None:
            self._settings.update(models_folder=str(target), models_move="")
            self._store.move_to(target)

        ModelsMove(self.folder, target).run(commit, job, begin=begin)

    def finish(self) -> None:
        """Delete what an earlier move left where the models were; done at the start of the program."""
        finish_move(self.folder)

    def undo(self) -> None:
        """Delete what an interrupted move has copied."""
        target = self.unfinished
        if target is not None:
            ModelsMove(self.folder, target).undo()
            self._settings.update(models_move="")
