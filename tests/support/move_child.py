"""A process that moves the models, for tests that kill it: `HOME TARGET [BYTES]`. It stops once so many bytes
are copied, until somebody ends it or lets it go on."""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

from app.base.paths import AppPaths
from app.models_folder import ModelsPlace, models_root
from app.settings import SettingsFile
from models.store import move_models
from models.store.store import ModelStore
from models.system.progress import UNWATCHED, JobContext


def place(home: Path) -> ModelsPlace:
    """Open what a start of the program would open, and let it finish an earlier move."""
    paths = AppPaths(home / "data", home / "config", home / "cache", home / "logs")
    settings = SettingsFile(paths.settings)
    store = ModelStore(models_root(paths, settings), chosen=bool(settings.values.models_folder))
    opened = ModelsPlace(settings, store)
    opened.finish()
    return opened


class StopsAt(threading.Event):
    """Asked before each block that is copied or compared: stops the process at the first with so many bytes
    in `target`."""

    def __init__(self, target: Path, stop_bytes: int) -> None:
        super().__init__()
        self._target = target
        self._stop_bytes = stop_bytes

    def is_set(self) -> bool:
        if bytes_below(self._target) >= self._stop_bytes:
            os.kill(os.getpid(), signal.SIGSTOP)
        return super().is_set()


def bytes_below(folder: Path) -> int:
    """Sum the files of a folder in which they come and get their names meanwhile."""
    total = 0
    for file in folder.rglob("*") if folder.exists() else ():
        with contextlib.suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def main() -> None:
    home, target = map(Path, sys.argv[1:3])
    job = JobContext(cancel=StopsAt(target, int(sys.argv[3]))) if sys.argv[3:] else UNWATCHED
    print("ready", flush=True)
    place(home).move(target, job)


if __name__ == "__main__":
    # One disk is enough for the tests: nothing is linked, so that all is copied.
    move_models.same_disk = lambda one, other: False
    main()
