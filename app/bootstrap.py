"""The only composition root: makes the parts and hands each its collaborators."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.children import child_command
from app.log import start_log
from app.paths import AppPaths, app_paths
from app.settings import SettingsFile
from models.starter import starter_file
from models.store import ModelStore

if TYPE_CHECKING:
    # Imported where they are made: the hub's and the engine's libraries are slow to load, Qt is for the window.
    from app.acquire import Acquirer
    from app.bench.history import BenchmarkHistory
    from app.engine.client import EngineClient


@dataclass(frozen=True, slots=True)
class StillroomCore:
    """The parts without a window; `app.commands.core.Core` says what the commands use of it."""

    paths: AppPaths
    settings: SettingsFile
    store: ModelStore

    def acquirer(self) -> "Acquirer":
        """What downloads and builds, for this store and this hub."""
        from app.acquire import Acquirer
        from models.hub import HubClient

        return Acquirer(HubClient(), self.store, self.paths.checkpoints, child_command("build"))

    @contextmanager
    def engine(self) -> Iterator["EngineClient"]:
        """A client with its own engine process, which ends with the context."""
        from app.engine.client import EngineClient

        client = EngineClient(child_command("engine"))
        client.start()
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def benchmarks(self) -> Iterator["BenchmarkHistory"]:
        """The history of benchmark runs."""
        from app.bench.history import BenchmarkHistory

        history = BenchmarkHistory(self.paths.benchmarks)
        try:
            yield history
        finally:
            history.close()


def build_core() -> StillroomCore:
    """Find the folders, start the log and read the settings; nothing slow, no thread."""
    paths = app_paths()
    start_log(paths.logs)
    return StillroomCore(paths, SettingsFile(paths.settings), ModelStore(paths.models, starter_file()))
