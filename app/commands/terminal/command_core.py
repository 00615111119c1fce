"""The parts of the program that the commands need; `app.bootstrap` provides them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from app.base.errors import Cancelled, StillroomError
from app.base.paths import AppPaths
from app.bench.results.history import BenchmarkHistory
from app.chat.prompting.prompt import ChatTemplates
from app.commands.terminal.console import Console
from app.database.database import CheckedDatabase
from app.engine.client.client import EngineClient
from app.engine.planning.load_history import LoadMemory
from app.engine.protocol import DevicesListed, RpcServer
from app.hub_choices import HubChoices
from app.load_choices import LoadChoices
from app.machine.file_facts import FileFactsReader
from app.machine.measurements import Measurements
from app.settings import SettingsFile
from models.store.store import ModelStore
from models.system.progress import wait_for

if TYPE_CHECKING:
    # The hub's libraries take longer to load than `stillroom list` takes.
    from app.acquire.acquirer import Acquirer
    from app.acquire.measurer import Measurer
    from app.audit.entries import AuditTrail
    from app.chat.prompting.prompt import ChatTemplates
    from app.filters.filter_file import FilterFile
    from app.remote.remote_replies import ElsewhereAnswers


class Core(Protocol):
    """The parts of Stillroom without a window."""

    @property
    def paths(self) -> AppPaths:
        """The folders and files of the program."""

    @property
    def settings(self) -> SettingsFile:
        """The user's settings."""

    @property
    def store(self) -> ModelStore:
        """The models on disk."""

    @property
    def measurements(self) -> Measurements:
        """The measurements of this computer."""

    @property
    def hub_choices(self) -> HubChoices:
        """The mirror, proxy and token that the user chose."""

    def filters(self) -> "FilterFile":
        """The rules that messages go through before they are sent."""

    def audit(self) -> "AuditTrail":
        """Open the audit trail; the settings say whether it records requests and replies. Close it."""

    def acquirer(self) -> "Acquirer":
        """Make the acquirer, which downloads, builds and measures."""

    def measurer(self) -> "Measurer":
        """Make the measurer of models that are built."""

    def engine(self) -> AbstractContextManager[EngineClient]:
        """A client with its own engine process, which ends with the context."""

    def templates(self) -> "AbstractContextManager[ChatTemplates]":
        """Give what applies chat templates, in a process that ends with the context."""

    def elsewhere(self) -> "AbstractContextManager[ElsewhereAnswers]":
        """Open the client of the servers elsewhere, until the context ends."""

    def load_memory(self) -> LoadMemory:
        """Return what was learnt about loading each model."""

    def load_choices(self) -> LoadChoices:
        """Return the settings with which each model is loaded."""

    def file_facts(self) -> FileFactsReader:
        """Return the reader of how each model on disk would be loaded."""

    def benchmarks(self) -> AbstractContextManager[BenchmarkHistory]:
        """The history of benchmark runs."""


def listed_devices(
    client: EngineClient, servers: Sequence[RpcServer], cancel: threading.Event
) -> DevicesListed | StillroomError:
    """List the devices that the engine's process can compute on; return the error if it does not start."""
    try:
        return wait_for(client.list_devices(servers), cancel)
    except Cancelled:
        raise
    except StillroomError as error:
        return error


@contextmanager
def told_templates(core: Core, console: Console) -> Iterator[ChatTemplates]:
    """The templates of `core` until the context ends."""
    with core.templates() as templates:
        templates.observe(lambda problem: console.note(f"stillroom: {problem} {problem.hint_text()}"))
        yield templates


@contextmanager
def looked_after(console: Console, *stores: CheckedDatabase) -> Iterator[None]:
    """Check the whole of each store and say what was damaged; back them up at the end. None is closed."""
    for store in stores:
        store.check()
        for notice in store.recovery.notices if store.recovery is not None else ():
            console.note(notice.sentence)
    try:
        yield
    finally:
        for store in stores:
            try:
                store.back_up_if_due()
            except StillroomError as error:
                console.note(f"stillroom: {error}")
