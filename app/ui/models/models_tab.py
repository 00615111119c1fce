"""The Models tab: what to take, what is on its way, what is on disk."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

import msgspec
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMenu, QScrollArea, QVBoxLayout, QWidget

from app.acquire.jobs import JobBook
from app.acquire.measurer import Measurer
from app.machine.advisor import AS_LOADED, Advisor, Use
from app.ui.base.add_action import Command, add_action
from app.ui.base.lasting_job import LastingJob
from app.ui.base.offers import Offers
from app.ui.base.slices import Slices
from app.ui.models.add_model import ModelAdder
from app.ui.models.add_model_card import AddModelCard
from app.ui.models.delete_model import ModelDeleter
from app.ui.models.failed_loads import FailedLoads
from app.ui.models.job_cards import JobCards
from app.ui.models.list.model_rows import ModelRow, model_rows, row_key
from app.ui.models.list.models_list import ModelsList
from app.ui.models.machine_advice import MachineAdvice
from app.ui.models.model_actions import ModelActions
from app.ui.models.model_detail import ModelDetail
from app.ui.models.models_on_disk import ModelsOnDisk
from app.ui.models.outlook_card import OutlookCard
from app.ui.models.quality.model_matrix import ModelMatrix
from app.ui.models.quality.model_quality import ModelQuality
from app.ui.models.recommendation_card import RecommendationCard
from app.ui.models.search.search_card import SearchCard
from app.ui.widgets.scrolled_page import ScrolledPage, ScrollPlace, scroll_place, scroll_to, scroll_to_place
from app.ui.widgets.ui_context import UiContext
from models.catalogue.catalogue import catalogue
from models.quantisation.file_size import file_bytes
from models.quantisation.quantisation_types import FULL_PRECISION, QUANTISATIONS
from models.store.store import InstalledModel, ModelStore

MARGIN_PX = 28
AT_ONCE = 24
"""So many models are judged in one callback, each in half a millisecond."""
PATIENCE_MS = 500
"""So long the page is not painted in parts; on a busy computer the last one comes seconds later."""


@dataclass(frozen=True)
class _Facts:
    """The facts by which the rows are made."""

    models: tuple[InstalledModel, ...]
    advisor: Advisor | None
    jobs: tuple[tuple[str, tuple[str, ...], bool], ...]
    loaded_paths: frozenset[str]
    answering_path: str
    failed_paths: frozenset[str]
    use: Use
    loading_path: str


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
        self._on_disk = ModelsOnDisk(ui, store, advice, lambda: self.add_card.failures, self)
        self._advisor: Advisor | None = None
        self._refreshing = Slices(self)
        self._measurer = measurer
        self._job = job
        self._building = Slices(self)
        self._facts: _Facts | None = None
        """Those of the judging that was begun last."""
        self._is_whole = self._was_shown = False
        """All cards are there; its rows have been there once."""
        self._typed = ("", "")
        """For the fields, once they are there."""
        self._place: ScrollPlace | None = None
        """To be scrolled to, once all is there and seen; None once it is."""
        self._is_coming_to_place = False
        self._building.begin(self._build_page())
        Offers(self, self._offered, takes_long=True)
        add_action(self, self.tr("Search Hugging Face"), "", self._show_search)
        advice.changed.connect(self._refresh)
        self._session.loading.connect(self._on_loading)
        for told in (self._session.load_failed, self._session.models_changed, self._session.rested):
            told.connect(self._on_told)
        # Nothing of it is painted before it has its rows, and what there is to the selected one.
        self.viewport().setUpdatesEnabled(False)
        QTimer.singleShot(PATIENCE_MS, self, self._show_known)
        self._refresh()

    def reload(self, select: str = "") -> None:
        """Look at the disk again, and select the row of a key that is there then, unless the user has gone to
        another one meanwhile."""
        self._bridge.start(self._on_disk.read_again(select, self._list.stay()))

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
        return self._list.selected_key

    def select(self, key: str) -> None:
        """Show the model with this row key (a catalogue key) below the list."""
        self._list.select(key)

    @property
    def typed(self) -> tuple[str, str]:
        """The words in the fields: the model to get, and those to search the hub for."""
        if not self._is_whole:
            return self._typed
        return self._add_card.field.text(), self._search.field.text()

    def type_again(self, typed: tuple[str, str]) -> None:
        """Show what was typed in another window, and search for it there."""
        self._typed = typed
        if self._is_whole:
            self._fill()

    @property
    def place(self) -> ScrollPlace:
        """The place to which the page is scrolled."""
        return scroll_place(self) if self._place is None else self._place

    def scroll_again(self, place: ScrollPlace) -> None:
        """Scroll to where the page was in another window, once all of it is there and seen."""
        self._place = place if place != ScrollPlace() else None

    def _come_to_place(self) -> None:
        if self._place is not None and self._was_shown and self.isVisible() and not self._is_coming_to_place:
            self._is_coming_to_place = True
            scroll_to_place(self, self._place, self._on_place)

    def _on_place(self, is_there: bool) -> None:
        self._is_coming_to_place = False
        if is_there:
            self._place = None

    def _fill(self) -> None:
        address, words = self._typed
        if address:
            self._add_card.field.setText(address)
        if words:
            self._search.search_for(words)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Replies may have been measured meanwhile."""
        super().showEvent(event)
        self._advice.learn_memory_speed()
        self._come_to_place()
        # Not in the callback that shows the page, nor that which makes it.
        QTimer.singleShot(0, self, self._refresh)

    def add_models(self, paths: Sequence[Path]) -> None:
        """Take up files and folders where they lie; of files alone, load the first."""
        self._make_whole()
        self._actions.import_paths(paths, load_first=True)

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
        job_place = QVBoxLayout()
        job_place.setSpacing(16)
        self._actions = ModelActions(
            self._ui, self._store, self._jobs, job_place, lambda: self.add_card.failures, self
        )
        self._job_cards = JobCards(self._ui, self._jobs, self._actions, job_place, self)
        # Each is made where it stands: for what moves, Qt works out the style of all that is in it anew.
        self.recommendation = RecommendationCard(self._theme, page)
        column.addWidget(self.recommendation)
        column.addLayout(job_place)
        self._list = ModelsList(self._theme, self._actions, page)
        self.table = self._list.table
        self.addAction(self._list.inside)
        self.setFocusProxy(self._list.view)
        column.addWidget(self._list)
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
        put(self._add_card)
        self._add_card.show()
        self._adder = ModelAdder(self._ui, self._jobs, self._job_cards, self._actions, self._add_card, self)
        self._adder.row_asked.connect(self.select)
        yield
        self._search = SearchCard(self._ui, self._jobs, page)
        self._search.get_asked.connect(self._adder.get_offer)
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
        self._job_cards.begin()
        self._fill()
        self._search.show_advice(self._advisor)
        self._refresh()
        self.reload()

    def _connect_top(self) -> None:
        actions, cards, detail = self._actions, self._job_cards, self.detail
        self._on_disk.read.connect(self._on_read)
        self._on_disk.changed.connect(self.store_changed)
        self._failed = FailedLoads(self._ui, self._list, detail.failures, self)
        self._failed.changed.connect(self._refresh)
        self._deleter = ModelDeleter(self._ui, self._store, self._on_disk, self._list, self)
        self.recommendation.get_asked.connect(cards.get)
        self.recommendation.load_asked.connect(self.load_asked)
        self._list.row_selected.connect(self._on_row)
        self._list.row_activated.connect(self._on_activated)
        detail.get_asked.connect(cards.get)
        detail.load_asked.connect(self.load_asked)
        detail.smaller_asked.connect(
            lambda model, tokens: self._bridge.start(self._load_smaller(model, tokens))
        )
        detail.delete_asked.connect(self._deleter.delete)
        detail.menu_asked.connect(self._on_menu)
        detail.folder_asked.connect(actions.show_folder)
        detail.keyboard_left.connect(self._list.take_keyboard)
        actions.load_asked.connect(self.load_asked)
        actions.delete_asked.connect(self._deleter.delete)
        actions.imported.connect(lambda models: self.reload(row_key(models[0])))
        actions.keyboard_left.connect(self._list.take_keyboard)
        cards.changed.connect(self._refresh)
        cards.built.connect(self._on_built)

    def _on_built(self, models: tuple[InstalledModel, ...]) -> None:
        self._quality.warn(models)
        self.reload()

    def _on_read(self, select: str) -> None:
        if select:
            # Not before: what was begun earlier judges the models that were there then.
            self._list.select_when_shown(select)
            self._facts = None
        self._refresh()

    def _refresh(self) -> None:
        """Judge the models anew and show them; many are judged one by one between two events before, and so
        are all of them the first time. What there is to the selected one comes in the next turns. What is
        under way by the same facts goes on."""
        facts = self._present_facts()
        if self._refreshing.under_way and facts == self._facts:
            return
        self._facts = facts
        judging = self._judge(facts)
        if self._was_shown and len(catalogue()) + len(self._on_disk.models) <= AT_ONCE:
            # Not between two steps of what was begun before.
            self._refreshing.stop()
            for _ in judging:
                pass
        self._refreshing.begin(chain(judging, self._show_selected()))

    def _present_facts(self) -> _Facts:
        models, session = tuple(self._on_disk.models), self._session
        begun = self._facts if self._refreshing.under_way or not self._was_shown else None
        return _Facts(
            models,
            self._advice.advisor(models, begun.advisor if begun is not None else None),
            tuple((job.title, job.types, job.stopped) for job in self._job_cards.views),
            # What is loaded anew is there only when that is over.
            frozenset(info.path for info in session.models) - {session.coming_path},
            session.info.path if session.info is not None else "",
            self._failed.paths,
            self._outlooks.use if self._is_whole else AS_LOADED,
            session.coming_path,
        )

    def _rows(self, facts: _Facts, advisor: Advisor | None) -> Iterator[ModelRow]:
        return model_rows(
            catalogue(),
            facts.models,
            advisor,
            self._job_cards.views,
            facts.loaded_paths,
            facts.answering_path,
            facts.failed_paths,
            facts.use,
            facts.loading_path,
        )

    def _judge(self, facts: _Facts) -> Iterator[None]:
        """Judge the models in steps, and show them in the list, and what is recommended."""
        self._advisor = facts.advisor
        rows: list[ModelRow] = []
        for row in self._rows(facts, facts.advisor):
            rows.append(row)
            yield
        self._list.show_rows(rows, was_read=self._on_disk.was_read)
        if self._is_whole:
            self._search.show_advice(facts.advisor)
        yield
        self._show_recommendation(rows)
        yield

    def _show_known(self) -> None:
        """Paint what is there by now: the rows that are not judged yet, without what they would be like."""
        if self._facts is not None and not self._list.rows and self._store.is_listed:
            self._list.show_rows(list(self._rows(self._facts, None)), was_read=self._on_disk.was_read)
        self.viewport().setUpdatesEnabled(True)

    def _show_selected(self) -> Iterator[None]:
        """Show what there is to the selected one, in steps, on a page that is whole."""
        if not self._is_whole:
            return
        row = self._list.current_row
        if not self._was_shown and row is not None:
            # What is computed once for each model takes longer than all the rest of it.
            yield from _sizes_of(row)
        yield from self._row_steps(self._list.current_number)
        yield
        self.viewport().setUpdatesEnabled(True)
        self._was_shown = True
        # Last of all: a row that the keyboard comes to is scrolled to as well.
        self._come_to_place()

    def _show_recommendation(self, rows: list[ModelRow]) -> None:
        if self._advisor is None:
            self.recommendation.show_looking()
            return
        found = self._advisor.recommendation()
        if found is None:
            self.recommendation.show_none()
            return
        if self._advice.waits_with(found):
            self.recommendation.show_measuring()
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
            loading=installed is not None and installed == row.loading,
            loaded=installed in row.loaded,
            answers=installed is not None and installed == row.answering,
        )

    def _on_row(self, number: int) -> None:
        if self._is_whole:
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
            if self._list.current_row is not row:
                # Somebody has gone to another one meanwhile.
                return
            self.detail.come_after(self._list.view)
            yield
            outlooks = []
            if self._advisor is not None and model is not None and model.thinks:
                outlooks = [self._advisor.outlook(model, kind, use) for kind in QUANTISATIONS]
            self.outlooks.show_outlooks(row.title, outlooks)

    def _on_activated(self, number: int) -> None:
        """Enter or a double click loads what is on disk, or uses what is loaded; of the others, and of the
        one that answers or is being loaded already, it leads to what can be done with it."""
        row = self.table.row(number)
        if row.installed and row.answering is None and row.loading is None:
            self.load_asked.emit((row.loaded or row.installed)[0])
        else:
            self.ensureWidgetVisible(self.detail)
            self.detail.take_keyboard()

    def _on_told(self, *_: object) -> None:
        # A method: Qt lets go of it with the tab, of which the session knows nothing.
        self._refresh()

    def _on_loading(self, path: str, _fraction: float) -> None:
        if self._facts is None or path != self._facts.loading_path:
            self._refresh()

    async def _load_smaller(self, model: InstalledModel, tokens: int) -> None:
        """Load a model with a context that fits, one reply at a time, now and from now on."""
        is_wanted = self._session.choose()
        chosen = await asyncio.to_thread(self._load_choices.of, model.path)
        load = msgspec.structs.replace(chosen.load, context_tokens=tokens, sequences=1, draft_path="")
        await asyncio.to_thread(
            self._load_choices.choose, model.path, msgspec.structs.replace(chosen, load=load)
        )
        if is_wanted():
            self.load_asked.emit(model)

    def _offered(self) -> Iterator[Command | QMenu | None]:
        """Give the menus of the models on disk, and the others to be got, for the command palette."""
        yield from self._completing()
        for row in self._list.rows:
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
        number = self.table.number_of(row_key(model))
        if number >= 0:
            self._actions.menu(self.table.row(number), [model]).popup(place)


def _sizes_of(row: ModelRow) -> Iterator[None]:
    """Compute the sizes of a model's types, which are remembered."""
    if row.model is not None:
        for kind in (*QUANTISATIONS, *FULL_PRECISION):
            file_bytes(row.model.shape, kind)
            yield
