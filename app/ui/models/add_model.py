"""Getting what was typed into the card "Another model", or found on the hub."""

import asyncio
import threading
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtWidgets import QMenu, QWidget

from app.acquire.jobs import JobBook
from app.acquire.repository_offers import Offer
from app.acquire.weights import checkpoint_name
from app.base.errors import Cancelled
from app.ui.models.add_model_card import AddModelCard
from app.ui.models.job_cards import JobCards
from app.ui.models.model_actions import ModelActions
from app.ui.widgets.ui_context import UiContext
from models.catalogue.catalogue import find
from models.catalogue.reference import CatalogueReference, GgufReference, HubReference, parse_reference
from models.hub.snapshot import Snapshot, gguf_files
from models.system.progress import JobContext, Progress
from models.system.shown_text import shown
from models.system.units import byte_count


class ModelAdder(QObject):
    """Finds out what was meant, asks the hub where that is needed, and begins the job; GUI thread.

    `row_asked` gives the key of a model of the catalogue that is got.
    """

    row_asked = Signal(str)

    def __init__(
        self,
        ui: UiContext,
        jobs: JobBook,
        cards: JobCards,
        actions: ModelActions,
        card: AddModelCard,
        page: QWidget,
    ) -> None:
        super().__init__(page)
        self._bridge = ui.bridge.for_place(lambda: ui.notices.at(card.failures))
        self._jobs = jobs
        self._cards = cards
        self._actions = actions
        self._card = card
        self._page = page
        self._asking = threading.Event()
        """Set where a server is not to be asked any more about what was typed."""
        card.add_asked.connect(self._on_add)
        card.stop_asked.connect(lambda: self._asking.set())
        card.paths_chosen.connect(actions.import_paths)

    def get_offer(self, offer: Offer) -> None:
        """Get what was chosen in a repository."""
        known = find(offer.model)
        if known is not None:
            self.row_asked.emit(known.key)
        self._cards.get(known.key if known is not None else offer.model, list(offer.types))

    def _on_add(self, text: str, kind: str) -> None:
        self._bridge.start(self._add(text, kind))

    async def _add(self, text: str, kind: str) -> None:
        folder = Path(text).expanduser()
        # The disk of what is named may take its time.
        if await asyncio.to_thread(_holds_models, folder):
            self._actions.import_paths([folder.absolute()])
            self._card.clear()
            return
        reference = await asyncio.to_thread(parse_reference, text)
        if isinstance(reference, GgufReference):
            self._actions.import_paths([reference.file])
        elif isinstance(reference, CatalogueReference):
            self.row_asked.emit(reference.model.key)
            self._cards.get(reference.model.key, [kind])
        elif isinstance(reference, HubReference) and not reference.file:
            self._card.set_busy(True)
            given_up = self._asking = threading.Event()

            def on_progress(progress: Progress) -> None:
                # What was posted before the end must not reach a field that is free again.
                if not given_up.is_set():
                    self._card.show_asking(progress)

            try:
                job = JobContext(self._bridge.wrap(on_progress), given_up)
                snapshot = await asyncio.to_thread(
                    self._jobs.resolve, reference.repo, reference.revision, job
                )
            except Cancelled:
                # The user stopped it: what was typed stays, to be mended or asked again.
                return
            finally:
                given_up.set()
                self._card.set_busy(False)
            self._add_snapshot(snapshot, reference, kind)
        elif isinstance(reference, HubReference):
            self._cards.fetch(text)
        else:
            # As the list calls what is made of it, which tells there that it is on its way.
            title = await asyncio.to_thread(checkpoint_name, reference.folder)
            self._cards.get(str(reference.folder), [kind], reference=reference, title=title)
        self._card.clear()

    def _add_snapshot(self, snapshot: Snapshot, reference: HubReference, kind: str) -> None:
        choices = gguf_files(snapshot)
        if any(file.path.endswith(".safetensors") for file in snapshot.files) or not choices:
            self._cards.get(reference.repo, [kind], revision=reference.revision)
            return
        if len(choices) == 1:
            self._cards.fetch(reference.repo, revision=reference.revision)
            return
        menu = QMenu(self._page)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for file in choices:
            action = menu.addAction(f"{shown(file.path)}   {byte_count(file.bytes)}")
            action.setData(f"{reference.repo}:{file.path}")
        menu.triggered.connect(lambda action: self._cards.fetch(action.data(), revision=reference.revision))
        menu.popup(self._card.mapToGlobal(QPoint(16, self._card.height())))


def _holds_models(folder: Path) -> bool:
    """Tell whether a folder is there that is no checkpoint; waits for the disk."""
    return folder.is_dir() and not (folder / "config.json").is_file()
