"""The Models tab: what to take, what is on its way, what is on disk."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import msgspec
from PySide6.QtCore import QPoint, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShowEvent
from PySide6.QtWidgets import QMenu, QScrollArea, QVBoxLayout, QWidget

from app.acquire.build_options import NO_SIZE, FileSize
from app.acquire.jobs import JobBook, JobView
from app.acquire.measurer import Measurer
from app.acquire.repository_offers import Offer
from app.base.errors import Cancelled, StillroomError
from app.engine.protocol import ModelInfo
from app.machine.advisor import Advisor
from app.settings import LoadChoice
from app.ui.base.add_action import Action, Command, add_action
from app.ui.base.lasting_job import LastingJob
from app.ui.base.offers import Offers
from app.ui.base.slices import Slices
from app.ui.models.add_model_card import AddModelCard
from app.ui.models.job_card import JobCard
from app.ui.models.job_following import cancel_job, follow_jobs
from app.ui.models.list.model_rows import ModelRow, model_rows
from app.ui.models.list.models_table import ModelsTable
from app.ui.models.list.models_view import ModelsView
from app.ui.models.machine_advice import MachineAdvice
from app.ui.models.model_actions import ModelActions
from app.ui.models.model_detail import ModelDetail
from app.ui.models.outlook_card import OutlookCard
from app.ui.models.quality.model_matrix import ModelMatrix
from app.ui.models.quality.model_quality import ModelQuality
from app.ui.models.recommendation_card import RecommendationCard
from app.ui.models.search.search_card import SearchCard
from app.ui.widgets.card import Card
from app.ui.widgets.notices import BroughtBack
from app.ui.widgets.scrolled_page import ScrolledPage, bring_row_into_sight, follow_rows, scroll_to
from app.ui.widgets.ui_context import UiContext
from models.catalogue.catalogue import catalogue, find
from models.catalogue.reference import CatalogueReference, GgufReference, HubReference, parse_reference
from models.hub.snapshot import Snapshot, gguf_files
from models.quantisation.file_size import file_bytes
from models.quantisation.quantisation_types import FULL_PRECISION, QUANTISATIONS
from models.store.store import InstalledModel, ModelStore, StoreListing, TrashedModel
from models.system.progress import JobContext, Progress
from models.system.shown_text import shown
from models.system.units import byte_count

MARGIN_PX = 28
AT_ONCE = 24
"""So many models are judged in one callback, each in half a millisecond."""
_FINISHED = ("done", "cancelled", "gone")


class ModelsTab(QScrollArea):
    """Brings together the recommendation, the jobs, the list and the selected model; GUI thread.

    `load_asked` carries the `InstalledModel` to load; `store_changed` says that other models are on disk now.
    """

    load_asked = Signal(object)
    store_changed = Signal()

    def __init__(
        self,
        ui: UiContext,
        store: ModelStore,
        jobs: JobBook,
        advice: MachineAdvice,
        measurer: Measurer,
        parent: QWidget | None = None,
        *,
        job: LastingJob | None = None,
    ) -> None:
        """`job` measures how close files are to their original, and goes on without this tab."""
        super().__init__(parent)
        ui = replace(ui, bridge=ui.bridge.for_place(lambda: ui.notices.at(self.detail.failures)))
        self._ui = ui
        self._theme = ui.theme
        self._bridge = ui.bridge
        self._session = ui.session
        self._store = store
        self._jobs = jobs
        self._settings = ui.settings
        self._load_choices = ui.load_choices
        self._notices = ui.notices
        self._advice = advice
        self._listing = StoreListing((), ())
        self._readings = self._read = 0
        """The number of the last reading of the disk that was begun, and of that which is shown."""
        self._views: dict[str, JobView] = {}
        self._cards: dict[str, JobCard] = {}
        self._told: set[str] = set()
        self._loading = ""
        self._failed: set[str] = set()
        self._asking = threading.Event()
        """Set where a server is not to be asked any more about what was typed."""
        self._leaving: set[Path] = set()
        """The files that are being deleted."""
        self._selected = ""
        """The key of the row to select. Set by who asks for one, by the user who goes to one, and by the
        judging, which finds it gone."""
        self._place = 0
        """The number of the row that was selected last."""
        self._advisor: Advisor | None = None
        self._refreshing = Slices(self)
        self._measurer = measurer
        self._job = job
        self._building = Slices(self)
        self._is_whole = self._was_shown = False
        """All cards are there; its rows have been there once."""
        self._building.begin(self._build_page())
        Offers(self, self._offered, takes_long=True)
        add_action(self, self.tr("Search Hugging Face"), "", self._show_search)
        advice.changed.connect(self._refresh)
        self._session.loading.connect(self._on_loading)
        self._session.loaded.connect(self._on_loaded)
        self._session.load_failed.connect(self._on_load_failed)
        self._session.models_changed.connect(self._refresh)
        self._session.rested.connect(lambda _: self._refresh())
        self._adding = ui.bridge.for_place(lambda: ui.notices.at(self.add_card.failures))
        # Nothing of it is painted before it has its rows.
        self.viewport().setUpdatesEnabled(False)

    def reload(self, select: str = "") -> None:
        """Look at the disk again, and select the row of a key that is there then."""
        self._bridge.start(self._reload(select))

    @property
    def add_card(self) -> AddModelCard:
        """The card where models are named or chosen on the disk."""
        self._make_whole()
        return self._add_card

    @property
    def search(self) -> SearchCard:
        """The card that searches the hub."""
        self._make_whole()
        return self._search

    @property
    def outlooks(self) -> OutlookCard:
        """The card about each type of the selected model."""
        self._make_whole()
        return self._outlooks

    def complete(self) -> None:
        """Make and show now what is left of the page."""
        for _ in self._completing():
            pass

    def _completing(self) -> Iterator[None]:
        yield from self._building.rest()
        yield from self._refreshing.rest()

    def _make_whole(self) -> None:
        if not self._is_whole:
            self._building.finish()

    @property
    def selected_key(self) -> str:
        """The key of the selected model; "" before one is."""
        return self._selected

    def select(self, key: str) -> None:
        """Show the model with this row key (a catalogue key) below the list."""
        self._selected = key
        number = self.table.number_of(key)
        if number < 0:
            return
        if number == self._view.currentIndex().row():
            # What there is to it may still be on its way, and who asks for it gets it whole.
            self._on_row(number)
        else:
            self._view.selectRow(number)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Replies may have been measured meanwhile."""
        super().showEvent(event)
        self._advice.learn_memory_speed()
        # Not in the callback that shows the page, nor that which makes it.
        QTimer.singleShot(0, self, self._refresh)

    def add_models(self, paths: Sequence[Path]) -> None:
        """Take up files and folders where they lie; of files alone, load the first."""
        self._make_whole()
        self._actions.import_paths(paths, load_first=not any(path.is_dir() for path in paths))

    def _build_page(self) -> Iterator[None]:
        """Make what is at the top now, the rest in steps: all of it together takes too long at once."""
        page = ScrolledPage(self.viewport())
        column = QVBoxLayout(page)
        column.setContentsMargins(MARGIN_PX, 16, MARGIN_PX, MARGIN_PX)
        column.setSpacing(16)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._job_place = QVBoxLayout()
        self._job_place.setSpacing(16)
        # Each is made where it stands: for what moves, Qt works out the style of all that is in it anew.
        self.recommendation = RecommendationCard(self._theme, page)
        column.addWidget(self.recommendation)
        column.addLayout(self._job_place)
        column.addWidget(self._make_list(page))
        self.detail = ModelDetail(self._theme, self._settings, page)
        column.addWidget(self.detail)
        column.addStretch(1)
        self._connect_top()
        return self._build_rest(page, column)

    def _build_rest(self, page: QWidget, column: QVBoxLayout) -> Iterator[None]:
        def put(card: QWidget) -> None:
            column.insertWidget(column.count() - 1, card)

        self._quality = ModelQuality(self._ui, self._measurer, self, page, job=self._job)
        self._quality.measured.connect(self.reload)
        put(self._quality.card)
        yield
        self._matrix = ModelMatrix(self._ui, self._store, self, page)
        put(self._matrix.card)
        self._add_card = AddModelCard(self._theme, page)
        self._add_card.add_asked.connect(self._on_add)
        self._add_card.stop_asked.connect(lambda: self._asking.set())
        put(self._add_card)
        self._add_card.show()
        self._actions = ModelActions(
            self._ui, self._store, self._jobs, self._job_place, self._add_card.failures, self
        )
        self._actions.load_asked.connect(self.load_asked)
        self._actions.delete_asked.connect(self._on_delete)
        self._actions.imported.connect(self._on_imported)
        self._actions.keyboard_left.connect(self.take_keyboard)
        self.detail.folder_asked.connect(self._actions.show_folder)
        self._add_card.paths_chosen.connect(self._actions.import_paths)
        yield
        self._search = SearchCard(self._ui, self._jobs, page)
        self._search.get_asked.connect(self._on_offer)
        self._search.grown.connect(partial(scroll_to, self))
        put(self._search)
        self._search.show()
        yield
        self._outlooks = OutlookCard(self._theme, page)
        self._outlooks.hide()
        self._outlooks.use_changed.connect(self._refresh)
        put(self._outlooks)
        yield
        self._is_whole = True
        self._begin()

    def _begin(self) -> None:
        """Show what is there, now that all cards are."""
        # After it follows them, so that no change is missed; one may have ended before the tab was made.
        follow_jobs(self._jobs, self._ui.bridge, self, self._on_job)
        for view in self._jobs.jobs():
            self._take_job(view, is_news=False)
        self._refresh()
        self.reload()

    def _make_list(self, page: QWidget) -> Card:
        frame = Card(page, margin_px=8)
        self.table = ModelsTable(self._theme, self)
        self._view = ModelsView(self.table, frame)
        self._view.row_selected.connect(self._on_row)
        follow_rows(self._view)
        self._view.row_activated.connect(self._on_activated)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._view.customContextMenuRequested.connect(self._on_context_menu)
        inside = Action(self.tr("Look inside the selected model"), self, self._on_look_inside)
        inside.setShortcut(QKeySequence("Ctrl+I"))
        # In the list alone: elsewhere it is a key of what is written.
        inside.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.addAction(inside)
        self._view.addAction(inside)
        # Not of the tab: there the key deletes what is typed.
        delete = add_action(
            self._view,
            self.tr("Delete"),
            QKeySequence.StandardKey.Delete,
            self._on_delete_key,
            self._cannot_delete,
        )
        # The next model comes to where the deleted one was: a key that is held would go on with it.
        delete.setAutoRepeat(False)
        frame.body.addWidget(self._view)
        self.setFocusProxy(self._view)
        return frame

    def _connect_top(self) -> None:
        self.recommendation.get_asked.connect(self._on_get)
        self.recommendation.load_asked.connect(self.load_asked)
        self.detail.get_asked.connect(self._on_get)
        self.detail.load_asked.connect(self.load_asked)
        self.detail.smaller_asked.connect(
            lambda model, tokens: self._bridge.start(self._load_smaller(model, tokens))
        )
        self.detail.delete_asked.connect(self._on_delete)
        self.detail.menu_asked.connect(self._on_menu)
        self.detail.keyboard_left.connect(self.take_keyboard)

    async def _reload(self, select: str = "") -> None:
        """Read the disk again, and select the row of a key that is there then."""
        self._readings += 1
        number = self._readings
        listing = await asyncio.to_thread(self._store.listing)
        if select:
            # Not before: what was begun earlier judges the models that were there then.
            self._selected = select
        if number < self._read:
            # A reading that was begun after this one has ended before it.
            self._refresh()
            return
        before, self._listing, self._read = self._listing, listing, number
        for notice in self._listing.notices:
            if str(notice) not in self._told:
                self._told.add(str(notice))
                self._notices.error(notice, self._notices.at(self.add_card.failures))
        self._refresh()
        self._bridge.start(self._advice.learn_files(self._listing.models))
        if self._listing.models != before.models:
            self.store_changed.emit()

    def _refresh(self) -> None:
        """Judge the models anew and show them; many are judged one by one between two events before, and so
        are all of them the first time. What there is to the selected one comes in the next turns."""
        if not self._is_whole:
            return
        judging = self._judge()
        if self._was_shown and len(catalogue()) + len(self._listing.models) <= AT_ONCE:
            # Not between two steps of what was begun before.
            self._refreshing.stop()
            for _ in judging:
                pass
        self._refreshing.begin(chain(judging, self._show_selected()))

    def _judge(self) -> Iterator[None]:
        """Judge the models in steps, and show them in the list, and what is recommended."""
        self._advisor = self._advice.advisor(self._listing.models)
        judged = model_rows(
            catalogue(),
            self._listing.models,
            self._advisor,
            tuple(self._views.values()),
            # What is loaded anew is there only when that is over.
            frozenset(info.path for info in self._session.models) - {self._session.loading_path},
            self._session.info.path if self._session.info is not None else "",
            frozenset(self._failed),
            self.outlooks.use,
        )
        rows: list[ModelRow] = []
        for row in judged:
            rows.append(row)
            yield
        self.table.show_rows(rows)
        self._select_again()
        self.search.show_advice(self._advisor)
        yield
        self._show_recommendation(rows)
        yield

    def _select_again(self) -> None:
        """Select the row that is to be selected, now that the rows are there."""
        number = self.table.number_of(self._selected)
        is_there = number >= 0
        if not is_there:
            # Where the one that is gone has been.
            number = min(self._place, self.table.rowCount() - 1)
        if self._view.currentIndex().row() != number:
            # All that there is to it takes too long at once, as the view's signal would have it.
            with QSignalBlocker(self._view):
                self._view.selectRow(number)
        if is_there or self._read:
            # Before the disk was read nothing is gone.
            self._note_row(number)

    def _note_row(self, number: int) -> None:
        if number >= 0:
            self._selected, self._place = self.table.row(number).key, number

    def _show_selected(self) -> Iterator[None]:
        """Show what there is to the selected one, in steps."""
        number = self._view.currentIndex().row()
        if not self._was_shown and number >= 0:
            # What is computed once for each model takes longer than all the rest of it.
            yield from _sizes_of(self.table.row(number))
        yield from self._row_steps(self._view.currentIndex().row())
        yield
        self.viewport().setUpdatesEnabled(True)
        self._was_shown = True

    def _show_recommendation(self, rows: list[ModelRow]) -> None:
        if self._advisor is None:
            self.recommendation.show_looking()
            return
        found = self._advisor.recommendation()
        if found is None:
            self.recommendation.show_none()
            return
        row = next(row for row in rows if row.key == found.model.key)
        outlook = self._advisor.outlook(found.model, found.fit.quantisation)
        installed = self._advisor.best_mixture(found.model)
        if installed is not None:
            outlook = self._advisor.file_outlook(installed) or outlook
            found = replace(found, fit=outlook.fit)
        kind = found.fit.quantisation
        installed = next((model for model in row.installed if model.type == kind), None)
        self.recommendation.show_recommendation(
            found,
            outlook,
            installed,
            getting=kind in row.getting,
            stopped=kind in row.stopped,
            loaded=installed in row.loaded,
            answers=installed is not None and installed == row.answering,
        )

    def _on_row(self, number: int) -> None:
        self._note_row(number)
        for _ in self._row_steps(number):
            pass

    def _row_steps(self, number: int) -> Iterator[None]:
        """Show what there is to a row, in steps."""
        self.detail.setVisible(number >= 0)
        self._quality.show_row(self.table.row(number) if number >= 0 else None)
        self._matrix.show_row(self.table.row(number) if number >= 0 else None)
        if number >= 0:
            row = self.table.row(number)
            use, model = self.outlooks.use, row.model
            yield from self.detail.showing(row, self._advisor, use)
            if self._current_row is not row:
                # Somebody has gone to another one meanwhile.
                return
            self.detail.come_after(self._view)
            yield
            outlooks = []
            if self._advisor is not None and model is not None and model.thinks:
                outlooks = [self._advisor.outlook(model, kind, use) for kind in QUANTISATIONS]
            self.outlooks.show_outlooks(row.title, outlooks)

    def _on_activated(self, number: int) -> None:
        """Enter or a double click loads what is on disk, or uses what is loaded; of the others, and of the
        one that answers already, it leads to what can be done with it."""
        row = self.table.row(number)
        if row.installed and row.answering is None:
            self.load_asked.emit((row.loaded or row.installed)[0])
        else:
            self.ensureWidgetVisible(self.detail)
            self.detail.take_keyboard()

    def take_keyboard(self) -> None:
        """Let the keyboard go on in the list: what it was on is gone, or is about to be."""
        self._view.setFocus()
        bring_row_into_sight(self._view, self._view.currentIndex())

    def _on_get(self, key: str, types: list[str], size: FileSize = NO_SIZE) -> None:
        values = self._settings.values
        view = self._jobs.add(
            key,
            types,
            keep_original=values.keep_original_weights,
            measure=values.measure_builds,
            weigh=values.weigh_builds,
            size=size,
        )
        self._reveal(view)

    def _reveal(self, view: JobView) -> None:
        """Scroll to the card of a job that was just asked for: it stands above the list."""
        self._on_job(view)
        card = self._cards[view.id]
        # The button that was pressed goes. Not to "Pause": who presses the key twice would do that.
        card.setFocus()
        scroll_to(self, card)

    def _on_offer(self, offer: Offer) -> None:
        """Get what was chosen in a repository."""
        known = find(offer.model)
        if known is not None:
            self.select(known.key)
        self._on_get(known.key if known is not None else offer.model, list(offer.types))

    def _on_job(self, view: JobView) -> None:
        self._take_job(view, is_news=True)

    def _take_job(self, view: JobView, *, is_news: bool) -> None:
        if view.state in _FINISHED:
            self._views.pop(view.id, None)
            card = self._cards.pop(view.id, None)
            if card is not None:
                self._actions.take_away(card)
            if view.state == "done":
                self._on_done(view, is_news=is_news)
            self._refresh()
            return
        changed = view.id not in self._views or self._views[view.id].state != view.state
        self._views[view.id] = view
        self._show_job(view)
        if changed:
            self._refresh()

    def _on_done(self, view: JobView, *, is_news: bool) -> None:
        self._jobs.dismiss(view.id)
        self._quality.warn(view.installed)
        if view.installed and is_news:
            first = view.installed[0]
            self._notices.inform(
                self.tr("{model} is ready.").format(model=f"{first.name} {first.type}"),
                self.tr("Load"),
                lambda: self.load_asked.emit(first),
            )
        self.reload()

    def _show_job(self, view: JobView) -> None:
        card = self._cards.get(view.id)
        if card is None:
            card = self._cards[view.id] = JobCard(self._theme, self._notices, view)
            card.pause_asked.connect(self._jobs.pause)
            card.resume_asked.connect(self._jobs.resume)
            card.cancel_asked.connect(partial(cancel_job, self._jobs, self._notices))
            self._job_place.addWidget(card)
            # Now: it may get the keyboard at once.
            card.show()
        else:
            card.show_view(view)

    def _on_loading(self, path: str, _fraction: float) -> None:
        self._loading = path
        rows = map(self.table.row, range(self.table.rowCount()))
        if any(path == str(file.path) for row in rows for file in row.loaded):
            self._refresh()

    def _on_loaded(self, info: ModelInfo) -> None:
        if info.path in self._failed:
            self._failed.discard(info.path)
            self.detail.failures.mend(f"load {info.path}", self._key_of(info.path))
            self._refresh()

    def _on_load_failed(self, error: BaseException) -> None:
        """Mark the model's row, and say the reason below it; whoever loads says it at once."""
        key = self._key_of(self._loading)
        if not key or not isinstance(error, StillroomError):
            return
        self._failed.add(self._loading)
        told = self._notices.told(error)
        self.detail.failures.add(told, f"load {self._loading}", key)
        self._refresh()

    def _key_of(self, path: str) -> str:
        """The key of the row that has a file; empty where none has."""
        rows = (self.table.row(number) for number in range(self.table.rowCount()))
        return next((row.key for row in rows if path in (str(file.path) for file in row.installed)), "")

    async def _load_smaller(self, model: InstalledModel, tokens: int) -> None:
        """Load a model with a context that fits, one reply at a time, now and from now on."""
        chosen = await asyncio.to_thread(self._load_choices.of, model.path)
        load = msgspec.structs.replace(chosen.load, context_tokens=tokens, sequences=1, draft_path="")
        await asyncio.to_thread(
            self._load_choices.choose, model.path, msgspec.structs.replace(chosen, load=load)
        )
        self.load_asked.emit(model)

    def _on_delete(self, model: InstalledModel) -> None:
        """Delete a file, unless it is gone already, or about to be, and its row only shows it still."""
        if model.path in self._leaving or all(model.path != here.path for here in self._listing.models):
            return
        if self._session.reserved_for:
            # It may be the one that is measured, which that takes out of memory at times.
            self._notices.inform(self.tr("A model is being measured. Delete this one when that is done."))
            return
        self._leaving.add(model.path)
        self._bridge.start(self._leave(model))

    async def _leave(self, model: InstalledModel) -> None:
        try:
            await self._delete(model)
        finally:
            self._leaving.discard(model.path)

    async def _delete(self, model: InstalledModel) -> None:
        if any(info.path == str(model.path) for info in self._session.models):
            await self._session.unload(str(model.path))
        focused = self.window().focusWidget()
        had_keyboard = focused is not None and self.isAncestorOf(focused)
        others = [other.path for other in self._listing.models if other.path != model.path]
        chosen = await asyncio.to_thread(self._load_choices.forget, model.path, others)
        try:
            trashed = await asyncio.to_thread(self._store.delete, model)
        except StillroomError:
            await self._keep_choice(model, chosen)
            raise
        await self._reload()
        if had_keyboard and self.isVisible():
            # The button that was pressed has gone with its row.
            self.take_keyboard()

        def words() -> str:
            text = self.tr("{model} was deleted.")
            if model.imported:
                text = self.tr("{model} is off the list. Its file stays where it lies.")
            return text.format(model=f"{model.name} {model.type}")

        back = BroughtBack("models", _key_of(model))
        self._notices.inform_with_undo(words, lambda: self._on_undo(trashed, chosen), back)

    def _on_undo(self, trashed: TrashedModel, chosen: LoadChoice | None) -> None:
        self._bridge.start(self._restore(trashed, chosen))

    async def _restore(self, trashed: TrashedModel, chosen: LoadChoice | None) -> None:
        model = await asyncio.to_thread(self._store.restore, trashed)
        await self._keep_choice(model, chosen)
        await self._reload(_key_of(model))

    async def _keep_choice(self, model: InstalledModel, chosen: LoadChoice | None) -> None:
        """Put back how a model is loaded."""
        if chosen is not None:
            await asyncio.to_thread(self._load_choices.choose, model.path, chosen)

    @property
    def _current_row(self) -> ModelRow | None:
        """The row that the list is at; None before it has rows."""
        number = self._view.currentIndex().row()
        return self.table.row(number) if number >= 0 else None

    def _cannot_delete(self) -> str:
        row = self._current_row
        return self._actions.cannot_delete(row) if row is not None else self.tr("Select a model first")

    def _on_delete_key(self) -> None:
        """Delete the file of the row, or ask which of them."""
        view, row = self._view, self._current_row
        if row is not None:
            place = view.visualRect(view.currentIndex()).bottomLeft()
            self._actions.delete(row, view.viewport().mapToGlobal(place))

    def _on_context_menu(self, place: QPoint) -> None:
        """At the mouse, or at the row where the keyboard asked for it."""
        number = self._view.indexAt(place).row()
        row = self.table.row(number) if number >= 0 else self._current_row
        if row is not None and row.installed:
            menu = self._actions.menu(row)
            menu.popup(self._view.viewport().mapToGlobal(place))

    def _offered(self) -> Iterator[Command | QMenu | None]:
        """Give the menus of the models on disk, and the others to be got, for the command palette."""
        yield from self._completing()
        for row in [self.table.row(number) for number in range(self.table.rowCount())]:
            if row.installed:
                menu = self._actions.menu(row)
                menu.setTitle(row.title)
                yield menu
            elif row.model is not None:
                title = self.tr("Get {model}").format(model=row.title)
                yield Command(title, "", partial(self._show_choices, row.key))

    def _show_choices(self, key: str) -> None:
        """Show a model with its types to choose from."""
        self.select(key)
        self.ensureWidgetVisible(self.detail)

    def _show_search(self) -> None:
        self.ensureWidgetVisible(self.search)
        self.search.field.setFocus()

    def _on_menu(self, model: InstalledModel, place: QPoint) -> None:
        number = self.table.number_of(_key_of(model))
        if number >= 0:
            self._actions.menu(self.table.row(number), [model]).popup(place)

    def _on_look_inside(self) -> None:
        row = self._current_row
        if row is not None and row.installed:
            self._actions.inspect(row.installed[0])

    def _on_imported(self, models: tuple[InstalledModel, ...]) -> None:
        self._bridge.start(self._reload(_key_of(models[0])))

    def _on_add(self, text: str, kind: str) -> None:
        self._adding.start(self._add(text, kind))

    async def _add(self, text: str, kind: str) -> None:
        folder = Path(text).expanduser()
        if folder.is_dir() and not (folder / "config.json").is_file():
            self._actions.import_paths([folder.absolute()])
            self.add_card.clear()
            return
        reference = parse_reference(text)
        if isinstance(reference, GgufReference):
            self._actions.import_paths([reference.file])
        elif isinstance(reference, CatalogueReference):
            self.select(reference.model.key)
            self._on_get(reference.model.key, [kind])
        elif isinstance(reference, HubReference) and not reference.file:
            self.add_card.set_busy(True)
            given_up = self._asking = threading.Event()

            def on_progress(progress: Progress) -> None:
                # What was posted before the end must not reach a field that is free again.
                if not given_up.is_set():
                    self.add_card.show_asking(progress)

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
                self.add_card.set_busy(False)
            self._add_snapshot(snapshot, reference, kind)
        elif isinstance(reference, HubReference):
            # A finished file is taken as it is.
            self._reveal(self._jobs.add(text, []))
        else:
            self._on_get(text, [kind])
        self.add_card.clear()

    def _add_snapshot(self, snapshot: Snapshot, reference: HubReference, kind: str) -> None:
        choices = gguf_files(snapshot)
        if any(file.path.endswith(".safetensors") for file in snapshot.files) or not choices:
            view = self._jobs.add(
                reference.repo,
                [kind],
                revision=reference.revision,
                keep_original=self._settings.values.keep_original_weights,
                measure=self._settings.values.measure_builds,
                weigh=self._settings.values.weigh_builds,
            )
            self._reveal(view)
            return
        if len(choices) == 1:
            self._reveal(self._jobs.add(reference.repo, [], revision=reference.revision))
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for file in choices:
            action = menu.addAction(f"{shown(file.path)}   {byte_count(file.bytes)}")
            action.setData(f"{reference.repo}:{file.path}")
        menu.triggered.connect(
            lambda action: self._reveal(self._jobs.add(action.data(), [], revision=reference.revision))
        )
        menu.popup(self.add_card.mapToGlobal(QPoint(16, self.add_card.height())))


def _key_of(model: InstalledModel) -> str:
    """Return the key of the row that a file is in."""
    return model.key or f"disk:{model.name}"


def _sizes_of(row: ModelRow) -> Iterator[None]:
    """Compute the sizes of a model's types, which are remembered."""
    if row.model is not None:
        for kind in (*QUANTISATIONS, *FULL_PRECISION):
            file_bytes(row.model.shape, kind)
            yield
