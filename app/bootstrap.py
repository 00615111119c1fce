"""The composition root: makes the parts and hands each its collaborators; `window_bootstrap` the window's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.base.children import child_command
from app.base.log import start_log
from app.base.paths import AppPaths, app_paths, make_private
from app.hub_choices import HubChoices
from app.machine.measurements import Measurements
from app.models_folder import models_root, models_root_on_disk, tell_where_away
from app.remote.server_keys import ServerKeys
from app.settings import SettingsFile
from models.catalogue.starter import starter_file
from models.store.store import ModelStore

if TYPE_CHECKING:
    # Imported where they are made: the libraries of the hub and the engine are slow to load.
    from app.acquire.acquirer import Acquirer
    from app.acquire.measurer import Measurer
    from app.audit.entries import AuditTrail
    from app.bench.results.history import BenchmarkHistory
    from app.chat.prompting.prompt import ChatTemplates
    from app.engine.client.client import EngineClient
    from app.engine.planning.load_history import LoadMemory
    from app.filters.filter_file import FilterFile
    from app.load_choices import LoadChoices
    from app.machine.file_facts import FileFactsReader
    from app.remote.remote_replies import ElsewhereAnswers


@dataclass(frozen=True, slots=True)
class StillroomCore:
    """The parts without a window; `command_core.Core` says what the commands use of it."""

    paths: AppPaths
    settings: SettingsFile
    store: ModelStore
    measurements: Measurements
    keys: ServerKeys

    @property
    def hub_choices(self) -> HubChoices:
        """The mirror, proxy and token that the user chose."""
        return HubChoices(self.settings, self.keys)

    def filters(self) -> "FilterFile":
        """The rules that messages go through before they are sent."""
        from app.filters.filter_file import FilterFile

        return FilterFile(self.paths.filters)

    def audit(self) -> "AuditTrail":
        """Make the audit trail, which logs requests and replies where the settings say so; close it."""
        from app.audit.entries import AuditTrail
        from app.audit.fingerprint import ModelFingerprints
        from app.audit.log import AuditLog

        def recorded(path: Path) -> str:
            return next((m.sha256 for m in self.store.listing().models if m.path == path), "")

        values = self.settings.values
        log = AuditLog(self.paths.audit, int(values.audit_limit_mb * 1e6))
        return AuditTrail(log, self.settings, ModelFingerprints(recorded))

    def acquirer(self) -> "Acquirer":
        """Make the acquirer, which downloads, builds and measures, for this store and this hub."""
        from app.acquire.acquirer import Acquirer
        from app.acquire.quality_build import Commands
        from models.hub.hub_client import HubClient

        commands = Commands(child_command("build"), child_command("measure"))
        hub = HubClient(access=self.hub_choices.access)
        return Acquirer(hub, self.store, self.paths.checkpoints, commands, load_choices=self.load_choices())

    def load_memory(self) -> "LoadMemory":
        """Open the record of earlier loads of each model."""
        from app.engine.planning.load_history import LoadMemory

        return LoadMemory(self.paths.loads)

    def load_choices(self) -> "LoadChoices":
        """Give the settings with which each model is loaded."""
        from app.load_choices import LoadChoices

        return LoadChoices(self.settings)

    def file_facts(self) -> "FileFactsReader":
        """Make the reader of how each model on disk would be loaded."""
        from app.machine.file_facts import FileFactsReader

        choices = self.load_choices()
        return FileFactsReader(
            lambda path: choices.of(path).load, lambda: choices.default.load, self.load_memory()
        )

    def measurer(self) -> "Measurer":
        """Make the measurer of the models of this store."""
        from app.acquire.measurer import Measurer

        return Measurer(self.store, self.acquirer, child_command("measure"))

    @contextmanager
    def engine(self) -> Iterator["EngineClient"]:
        """A client with its own engine process, which ends with the context."""
        from app.engine.client.client import EngineClient
        from app.engine.devices.cuda_runtime import read_check

        # The engine's process reads it as well, and has nobody to tell of damage.
        read_check(self.paths.cuda_runtime)
        client = EngineClient(child_command("engine"), self.load_memory())
        client.observe_events(self.measurements.on_event)
        client.start()
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def templates(self) -> Iterator["ChatTemplates"]:
        """Give what applies chat templates, in a process that ends with the context."""
        from app.chat.prompting.prompt import ChatTemplates
        from app.chat.prompting.template_process import TemplateProcess

        templates = ChatTemplates(TemplateProcess(child_command("templates")))
        templates.start()
        try:
            yield templates
        finally:
            templates.close()

    @contextmanager
    def elsewhere(self) -> Iterator["ElsewhereAnswers"]:
        """Make the client of the remote servers, until the context ends."""
        from app.remote.remote_replies import ElsewhereAnswers

        answers = ElsewhereAnswers(lambda: self.settings.values.elsewhere, self.keys.of)
        try:
            yield answers
        finally:
            answers.close()

    @contextmanager
    def benchmarks(self) -> Iterator["BenchmarkHistory"]:
        """The history of benchmark runs."""
        from app.bench.results.history import BenchmarkHistory

        history = BenchmarkHistory(self.paths.benchmarks)
        try:
            yield history
        finally:
            history.close()


def build_core() -> StillroomCore:
    """Find the folders, start the log and read the settings; nothing slow, no thread."""
    paths = app_paths()
    start_log(paths.logs)
    make_private(paths)
    settings = SettingsFile(paths.settings)
    store = ModelStore(
        models_root(paths, settings),
        starter_file(),
        chosen=bool(settings.values.models_folder),
        root_now=lambda: models_root_on_disk(paths),
    )
    tell_where_away(store)
    return StillroomCore(
        paths,
        settings,
        store,
        Measurements(paths.measurements),
        ServerKeys(),
    )
