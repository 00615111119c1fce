"""What the commands need of the program's parts; `app.bootstrap` provides it."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from app.base.paths import AppPaths
from app.bench.results.history import BenchmarkHistory
from app.engine.client.client import EngineClient
from app.engine.planning.load_history import LoadMemory
from app.machine.measurements import Measurements
from app.settings import SettingsFile
from models.store.store import ModelStore

if TYPE_CHECKING:
    # The hub's libraries take longer to load than `stillroom list` takes.
    from app.acquire.acquirer import Acquirer
    from app.acquire.builder import Builder
    from app.acquire.measurer import Measurer
    from app.audit.trail import AuditTrail
    from app.chat.prompting.prompt import ChatTemplates
    from app.filters.filter_file import FilterFile
    from app.remote.remote_replies import ElsewhereAnswers


class Core(Protocol):
    """The parts of Stillroom without a window."""

    @property
    def paths(self) -> AppPaths:
        """Where files are."""

    @property
    def settings(self) -> SettingsFile:
        """The user's settings."""

    @property
    def store(self) -> ModelStore:
        """The models on disk."""

    @property
    def measurements(self) -> Measurements:
        """What was measured on this computer."""

    def filters(self) -> "FilterFile":
        """The rules that messages go through before they are sent."""

    def audit(self) -> "AuditTrail":
        """What notes requests and replies, where the settings say so; close it."""

    def acquirer(self) -> "Acquirer":
        """What downloads and builds."""

    def builder(self) -> "Builder":
        """What builds as the user wishes it."""

    def measurer(self) -> "Measurer":
        """What measures models that are built."""

    def engine(self) -> AbstractContextManager[EngineClient]:
        """A client with its own engine process, which ends with the context."""

    def templates(self) -> "AbstractContextManager[ChatTemplates]":
        """Give what applies chat templates, in a process that ends with the context."""

    def elsewhere(self) -> "AbstractContextManager[ElsewhereAnswers]":
        """What asks the servers elsewhere, until the context ends."""

    def load_memory(self) -> LoadMemory:
        """What was learnt about loading each model."""

    def benchmarks(self) -> AbstractContextManager[BenchmarkHistory]:
        """The history of benchmark runs."""
