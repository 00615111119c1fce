"""A process that moves the models, for tests that kill it: `HOME TARGET`, slowly enough to be met."""

import sys
from pathlib import Path

from app.base.paths import AppPaths
from app.models_place import ModelsPlace, models_root
from app.settings import SettingsFile
from models.store import move_models
from models.store.store import ModelStore


def place(home: Path) -> ModelsPlace:
    """Open what a start of the program would open, and let it finish an earlier move."""
    paths = AppPaths(home / "data", home / "config", home / "cache", home / "logs")
    settings = SettingsFile(paths.settings)
    store = ModelStore(models_root(paths, settings), chosen=bool(settings.values.models_folder))
    opened = ModelsPlace(settings, store)
    opened.finish()
    return opened


def main() -> None:
    home, target = map(Path, sys.argv[1:])
    print("ready", flush=True)
    place(home).move(target)


if __name__ == "__main__":
    # One disk is enough for the tests: nothing is linked, so that all is copied.
    move_models.same_disk = lambda one, other: False
    main()
