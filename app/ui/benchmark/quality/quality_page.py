"""The page Quality of the Benchmark tab: run the suites, and browse what was asked and answered."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QMenu,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.bench.export.save import Forms, comparison_forms, quality_forms
from app.bench.quality.comparison import QualityComparison, compare_quality
from app.bench.quality.data_sets import DATA_SETS
from app.bench.quality.figures import Figure, QualityReport, figures_of, grown_report, quality_report
from app.bench.quality.progress import QualityProgress
from app.bench.quality.result import ItemResult, QualityRun
from app.bench.quality.runner import QualityRunner, Wish
from app.bench.quality.store import QualityStore
from app.bench.quality.words import quality_side_by_side
from app.engine.protocol import ModelInfo
from app.remote.remote_engine import ElsewhereInPlace
from app.remote.remote_server import is_elsewhere
from app.suites.quality_suites import QualitySuites
from app.ui.base.lasting_job import LastingJob
from app.ui.base.plain_text import set_tip
from app.ui.base.resource_words import data_set_words
from app.ui.base.slices import Stepped
from app.ui.benchmark.frame.benchmark_export import FormsMenu
from app.ui.benchmark.frame.benchmark_state import QualityState
from app.ui.benchmark.frame.measuring_page import MeasuringPage
from app.ui.benchmark.frame.run_history_view import MOST_COMPARED, RunHistoryView
from app.ui.benchmark.frame.run_progress_card import RunProgressCard
from app.ui.benchmark.frame.trend_card import TrendCard
from app.ui.benchmark.quality.quality_comparison import QualityComparisonCard
from app.ui.benchmark.quality.quality_figures import QualityFigureCards
from app.ui.benchmark.quality.quality_item_view import QualityItemView
from app.ui.benchmark.quality.quality_items_table import ITEM, QualityItems
from app.ui.benchmark.quality.quality_picture import quality_to_png
from app.ui.benchmark.quality.quality_runs_table import QualityRow, QualityRunsModel
from app.ui.benchmark.quality.quality_trends import quality_trends
from app.ui.benchmark.quality.quality_words import QualityWords
from app.ui.widgets.card import Card, button, label, name_field
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.filtered_table import FilteredTable
from app.ui.widgets.flow_row import FlowRow
from app.ui.widgets.rows_model import ROW_ROLE
from app.ui.widgets.scrolled_page import scroll_to
from app.ui.widgets.ui_context import UiContext
from models.system.progress import JobContext, Progress

ITEMS_HEIGHT_PX = 440
ITEM_PX = 104
WIDE_PX = 900
"""From this width on the chosen item stands beside the table."""
SIZES = (5, 15, 0)
"""Questions of each kind that can be chosen; 0 is all of them."""


class QualityPage(MeasuringPage, Stepped):
    """Runs the built-in suites on the loaded model and shows all runs; GUI thread.

    A cancelled run goes on with the next one of the same model and size.
    """

    def __init__(
        self,
        ui: UiContext,
        runner: QualityRunner,
        store: QualityStore,
        suites: QualitySuites,
        parent: QWidget | None = None,
        *,
        job: LastingJob | None = None,
        in_steps: bool = False,
    ) -> None:
        """`in_steps` it is made by `making`."""
        super().__init__(ui, parent, job=job)
        self._runner = runner
        self._store = store
        self._suites = suites
        self._load_choices = ui.load_choices
        self._theme = ui.theme
        self._words = QualityWords()
        self._rows: list[QualityRow] = []
        self._known: dict[str, list[Figure]] = {}
        self._follows_run = False
        self._running: QualityRun | None = None
        self._grown: list[ItemResult] = []
        """Results of the run that goes on, which are not shown yet."""
        self._grows = False
        self._report: QualityReport | None = None
        self._wanted = ""
        """The run that is shown, or is being read to be shown."""
        self._reads = 0
        self._chosen: ItemResult | None = None
        self._kept = 0
        """Results of the run that the next one goes on with; 0 where it begins anew."""
        self._looked_at: tuple[object, ...] | None = None
        """The model, the questions and the runs that `_kept` is about."""
        self._split: QSplitter | None = None
        self._begin_making(self._make(ui), in_steps=in_steps)

    def _make(self, ui: UiContext) -> Iterator[None]:
        head = self._make_head(ui)
        self._progress = RunProgressCard(
            self.tr("Progress of the quality suite"),
            self.tr("Each finished item is kept. Cancel whenever you like; the next run goes on from there."),
        )
        self._progress.cancel_asked.connect(self.cancel)
        self._stopped = label("", "body", wrap=True)
        self._results = QWidget()
        self._empty = self._make_empty()
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        self.lay_out(head, self._progress, self._stopped, self._results, self._empty)
        for part in (self._progress, self._stopped, self._results, self._empty):
            part.hide()
        yield
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(12)
        self._figures = QualityFigureCards()
        results.addWidget(self._figures)
        self._protocol = label("", "small", wrap=True)
        results.addWidget(self._protocol)
        self._comparison = QualityComparisonCard()
        self._comparison.closed.connect(self._comparison.hide)
        self._comparison.set_menu(
            FormsMenu(self._comparison_forms, lambda: "quality-comparison", ui.bridge, ui.notices, self)
        )
        results.addWidget(self._comparison)
        self._trend = TrendCard(ui.theme, ui.plots)
        results.addWidget(self._trend)
        yield
        self._make_items(ui)
        results.addWidget(self._items_card)
        yield
        self._history = RunHistoryView(QualityRunsModel(self), self._results)
        self._history.selection_changed.connect(self._on_runs_selected)
        self._history.compare_asked.connect(self._compare)
        self._history.delete_asked.connect(self._delete)
        results.addWidget(self._history)
        ui.theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        for part in (self._trend, *self._parts()):
            part.hide()
        yield
        self.refresh()
        self.follow_session()

    def _make_head(self, ui: UiContext) -> FlowRow:
        self._run_button = button(self.tr("Run the quality suite"), "primary")
        self._run_button.clicked.connect(self.run)
        self.setFocusProxy(self._run_button)
        self._size = QComboBox()
        name_field(self._size, self.tr("How many questions"))
        self._size.addItem(self.tr("Short: 5 of each kind"), SIZES[0])
        self._size.addItem(self.tr("Medium: 15 of each kind"), SIZES[1])
        self._size.addItem(self.tr("All questions"), SIZES[2])
        self._size.currentIndexChanged.connect(self._look_for_kept)
        self._anew = button(self.tr("Start anew"), "quiet")
        self._anew.clicked.connect(lambda: self.run(anew=True))
        self._anew.hide()
        self._data_button = button(
            self.tr("Own questions"),
            "choice",
            name=self.tr("Questions"),
            tip=self.tr("What is asked: Stillroom's own questions, or data sets"),
        )
        self._data_menu = QMenu(self)
        for data in DATA_SETS.values():
            action = self._data_menu.addAction(
                self.tr("{name} from the hub, licence {licence}").format(
                    name=data_set_words(data.name), licence=data.licence
                )
            )
            action.setCheckable(True)
            action.setData(data.key)
            action.toggled.connect(self._on_data)
        self._data_button.setMenu(self._data_menu)
        self._export = button(self.tr("Export"))
        self._export.setMenu(FormsMenu(self._forms, self._stem, ui.bridge, ui.notices, self, self._picture))
        self._about = ElidedLabel("small")
        self._about.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head = FlowRow()
        for control in (self._run_button, self._size, self._data_button, self._anew, self._export):
            head.add(control)
        head.add(self._about, stretch=True)
        return head

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Arrange the page for its width."""
        super().resizeEvent(event)
        self._arrange()

    def refresh(self, select: str = "") -> None:
        """Read the runs again and show one: the named one, else the same one again, else the newest."""
        self._rows = [
            QualityRow(run, finished, self._known.get(run.id)) for run, finished in self._store.runs()
        ]
        self._history.show_runs(self._rows)
        for shown in (self._results, self._export):
            shown.setVisible(bool(self._rows) and self._report is not None)
        ids = [row.id for row in self._rows]
        if not {run.id for run in self._comparison.runs} <= set(ids):
            self._comparison.hide()
        if select in ids:
            self._wanted = select
            self._history.select(select)
        wanted = self._wanted if self._wanted in ids else ""
        if self._rows:
            self._show(self._rows[ids.index(wanted) if wanted else 0])
        else:
            self._report, self._wanted = None, ""
            self._reads += 1
            self._about.setText("")
        if any(row.figures is None for row in self._rows):
            self._bridge.start(self._read_figures([row for row in self._rows if row.figures is None]))
        self.update_head()

    async def _read_figures(self, rows: Sequence[QualityRow]) -> None:
        """Fill the table of all runs: their items can be many megabytes."""
        for row in rows:
            figures = await asyncio.to_thread(self._figures_of, row.id)
            if not shiboken6.isValid(self):
                return
            if row.finished:
                self._known[row.id] = figures
            self._rows = [
                QualityRow(other.run, other.finished, figures) if other.id == row.id else other
                for other in self._rows
            ]
        self._history.show_runs(self._rows)
        self._show_trend()

    def _figures_of(self, run_id: str) -> list[Figure]:
        return figures_of(self._store.results(run_id))

    @property
    def state(self) -> QualityState:
        """The choices and the run that is shown."""
        compared = self._comparison.runs if self._comparison.isVisibleTo(self) else []
        return QualityState(
            self._size.currentData(),
            tuple(self._data()),
            self._wanted,
            tuple(run.id for run in compared),
            self._follows_run,
        )

    def restore(self, state: QualityState) -> None:
        """Choose and show that again, as far as it is still there."""
        self._size.setCurrentIndex(max(0, self._size.findData(state.size)))
        for action in self._data_menu.actions():
            action.setChecked(action.data() in state.data)
        known = {row.id: row for row in self._rows}
        if state.shown in known:
            self._wanted = state.shown
            self._history.select(state.shown)
            self._show(known[state.shown])
        self._follows_run = self.measuring and state.follows
        if len(state.compared) > 1 and set(state.compared) <= set(known):
            self._bridge.start(self._compare_runs([known[run_id].run for run_id in state.compared]))

    def run(self, *, anew: bool = False) -> None:
        """Run the suite on the loaded model, or go on with a run that was stopped, if not `anew`."""
        info = self._session.info
        if info is None or not self.can_measure:
            return
        if not is_elsewhere(info.path) and self.waits_for_reply():
            return
        size = self._size.currentData()
        self.measure(partial(self._work, info, size, self._data(), anew, self._job.tell), info)

    def cancel(self) -> None:
        """Stop; every finished item is kept, and the next run goes on from there."""
        super().cancel()
        self._progress.show_cancelling()

    def show_job(self, running: bool) -> None:
        """Show the progress while a run lasts, and what it has left behind."""
        self._follows_run = running
        self._running = None
        self._grown.clear()
        if running:
            self._progress.start()
        self._progress.setVisible(running)
        if not running:
            self.refresh()
            self._load_again()

    def take_result(self, result: object) -> None:
        """Show the run that has ended."""
        assert isinstance(result, QualityRun)
        self.refresh(result.id)

    def _load_again(self) -> None:
        """The measuring of a text had the memory for itself."""
        info = self._job.model
        if isinstance(info, ModelInfo) and self._session.info is None and not self._session.loading_path:
            settings = self._load_choices.of(info.path).load
            # Questions that waited for the end of the run wait for this, too.
            self._session.expect_model(True)
            self._bridge.start(self._session.load(Path(info.path), settings, info.name))

    def _work(
        self,
        info: ModelInfo,
        most_items: int,
        data: list[str],
        anew: bool,
        tell: Callable[[object], None],
        cancel: threading.Event,
    ) -> QualityRun:
        """Everything that waits, on a thread of its own."""
        collections = self._suites.collections(data=data, job=JobContext(tell, cancel))
        runner = self._runner
        model: Path | ModelInfo = Path(info.path)
        if is_elsewhere(info.path):
            asked = ElsewhereInPlace(self._session.unnoted_answers(info), info)
            runner, model = runner.asking(asked), info
        return runner.run(
            model,
            self._load_choices.of(info.path).load,
            Wish(collections, most_items, anew=anew),
            tell,
            cancel,
            name=info.name,
        )

    def _look_for_kept(self) -> None:
        """Find the run that the next one would go on with, on another thread."""
        info = self._session.info
        stopped = tuple(row.id for row in self._rows if not row.finished)
        if info is None or self.measuring or not stopped:
            self._looked_at = None
            self._show_kept(0)
            return
        # Another load makes another `ModelInfo`, of other settings maybe.
        looked_at = (id(info), self._size.currentData(), *self._data(), *(row.id for row in self._rows))
        if looked_at != self._looked_at:
            self._looked_at = looked_at
            self._bridge.start(self._count_kept(info, self._size.currentData(), self._data(), looked_at))

    async def _count_kept(
        self, info: ModelInfo, most_items: int, data: list[str], looked_at: tuple[object, ...]
    ) -> None:
        def count() -> int:
            if not self._suites.are_here(data):
                return 0
            model = info if is_elsewhere(info.path) else Path(info.path)
            wish = Wish(self._suites.collections(data=data), most_items)
            run = self._runner.unfinished(model, self._load_choices.of(info.path).load, wish)
            return 0 if run is None else self._store.count(run.id)

        kept = await asyncio.to_thread(count)
        if shiboken6.isValid(self) and looked_at == self._looked_at:
            self._show_kept(kept)

    def _show_kept(self, count: int) -> None:
        """Say that a run goes on, and from where."""
        self._kept = count
        goes_on = count > 0 and not self.measuring
        self._stopped.setVisible(goes_on)
        self._anew.setVisible(goes_on)
        self._stopped.setText(
            self.tr(
                "A run was stopped before its end. Results of it that are kept: {count}. "
                "Go on asks what is missing."
            ).format(count=f"{count:,}")
        )
        self._show_what_runs()

    def _data(self) -> list[str]:
        return [str(action.data()) for action in self._data_menu.actions() if action.isChecked()]

    def _on_data(self) -> None:
        count = len(self._data())
        self._data_button.setText(
            self.tr("Data sets: {count}").format(count=count) if count else self.tr("Own questions")
        )
        self._look_for_kept()

    def show_progress(self, progress: object) -> None:
        """Show what is downloaded, or which item is asked."""
        if isinstance(progress, QualityProgress):
            step = self._words.stage(progress)
            self._progress.show_progress(step, progress.fraction, progress.remaining_s)
            self._running = progress.run
            if progress.result is not None and self._follows_run:
                self._grown.append(progress.result)
                if not self._grows:
                    self._grows = True
                    self._bridge.start(self._show_growing())
        else:
            assert isinstance(progress, Progress)
            step = self.tr("Downloading {file}").format(file=progress.detail)
            self._progress.show_step(step, progress.done / max(1, progress.total))
        self._session.tell_work(self.tr("Quality: {step}").format(step=step))

    async def _show_growing(self) -> None:
        """Show the run that is under way with what it has, unless the user has chosen another one."""
        try:
            while self._grown and self._running is not None:
                run, before = self._running, self._report
                new, self._grown = self._grown, []
                report = await asyncio.to_thread(self._grown_report, run, before, new)
                if not (shiboken6.isValid(self) and self.measuring and self._follows_run):
                    return
                if self._report is not before:
                    # Another one was chosen meanwhile, and this one again.
                    self._grown = [*new, *self._grown]
                elif before is not None and before.run.id == run.id:
                    self._add_results(report, report.items[len(before.items) :])
                else:
                    for _ in self._show_steps(report):
                        pass
        finally:
            self._grows = False

    def _grown_report(
        self, run: QualityRun, shown: QualityReport | None, new: Sequence[ItemResult]
    ) -> QualityReport:
        """Add results to those of the report that is shown, or to all that are kept where it is another
        run's. Any thread."""
        if shown is None or shown.run.id != run.id:
            shown = quality_report(run, self._store.results(run.id), False)
        known = {item.id for item in shown.items}
        return grown_report(shown, run, [item for item in new if item.id not in known])

    def _show(self, row: QualityRow) -> None:
        """Read a run, and show it."""
        self._wanted = row.id
        self._reads += 1
        self._bridge.start(self._read(row, self._reads))

    async def _read(self, row: QualityRow, number: int) -> None:
        """Its items can be many megabytes, and another program may be writing to the file."""

        def read() -> QualityReport:
            return quality_report(row.run, self._store.results(row.id), row.finished)

        report = await asyncio.to_thread(read)
        if not shiboken6.isValid(self) or number != self._reads:
            return
        # Nothing is painted of one half of it.
        self.viewport().setUpdatesEnabled(False)
        try:
            for _ in self._show_steps(report):
                await asyncio.sleep(0)
                if not shiboken6.isValid(self) or number != self._reads:
                    return
        finally:
            if shiboken6.isValid(self):
                self.viewport().setUpdatesEnabled(True)

    def _show_steps(self, report: QualityReport) -> Iterator[None]:
        """Show a report; the chosen item stays so where it is one of the same run. Between two steps the
        window can do something else, as showing a part makes its look."""
        self._results.show()
        self._export.show()
        self._empty.hide()
        chosen = self._chosen
        if chosen is not None and (self._report is None or self._report.run.id != report.run.id):
            chosen = None
        yield
        self._report, self._wanted = report, report.run.id
        self._items.show_results(report.items)
        row = None if chosen is None else self._items.row_of(chosen.id)
        if row is not None:
            self._table.view.selectRow(self._table.proxy.mapFromSource(self._items.index(row, 0)).row())
        elif self._table.proxy.rowCount():
            self._table.view.selectRow(0)
        else:
            self._show_item(None)
        for part in self._parts():
            yield
            part.show()
        yield
        self._show_figures(report)

    def _parts(self) -> tuple[QWidget, ...]:
        """The parts about a run, and the table of all."""
        return self._figures, self._protocol, self._items_card, self._history

    def _add_results(self, report: QualityReport, new: Sequence[ItemResult]) -> None:
        """Show the same run with these items more."""
        for result in new:
            self._items.add(result)
        self._show_figures(report)

    def _show_figures(self, report: QualityReport) -> None:
        self._report, self._wanted = report, report.run.id
        # What is still being read has less of it.
        self._reads += 1
        about = self._words.run(report.run)
        self._about.setText(about if report.finished else self.tr("{run}, not finished").format(run=about))
        for part in self._parts():
            part.show()
        self._figures.show_figures(report.figures)
        self._protocol.setText(self._words.protocol(report.run))
        self._show_trend()

    def _show_trend(self) -> None:
        """Show the trend of the run over the runs of its file."""
        report = self._report
        if report is None:
            return
        others = [
            (row.run, row.figures)
            for row in self._rows
            if row.finished and row.figures is not None and row.id != report.run.id
        ]
        trends = quality_trends(report, others)
        self._trend.setVisible(bool(trends))
        self._trend.show_trends(trends)

    def _on_runs_selected(self, selected: list[QualityRow]) -> None:
        if len(selected) == 1 and selected[0].id != self._wanted:
            self._follows_run = self._running is not None and selected[0].id == self._running.id
            self._show(selected[0])

    def _compare(self) -> None:
        """Compare the selected runs with the oldest of them."""
        selected = self._history.selected()[::-1]
        if 2 <= len(selected) <= MOST_COMPARED:
            self._bridge.start(self._compare_runs([row.run for row in selected]))

    async def _compare_runs(self, runs: Sequence[QualityRun]) -> None:
        def compared() -> QualityComparison:
            return compare_quality([(run, self._store.results(run.id)) for run in runs])

        comparison = await asyncio.to_thread(compared)
        if shiboken6.isValid(self):
            self._comparison.show_comparison(comparison)
            scroll_to(self, self._comparison)

    def _comparison_forms(self) -> Forms | None:
        comparison = self._comparison.comparison
        return None if comparison is None else comparison_forms(quality_side_by_side(comparison), comparison)

    def _forms(self) -> Forms | None:
        return None if self._report is None else quality_forms(self._report)

    def _picture(self) -> bytes | None:
        return None if self._report is None else quality_to_png(self._report, self._theme)

    def _stem(self) -> str:
        if self._report is None:
            return "quality"
        run = self._report.run
        return f"quality-{run.model.name}-{run.model.quantisation}-{run.started_at[:10]}"

    def _delete(self) -> None:
        """Hide the selected runs, with a way back."""
        ids = [row.id for row in self._history.selected()]
        if ids and not self.measuring:
            self._bridge.start(self._delete_runs(ids))

    async def _delete_runs(self, ids: list[str]) -> None:
        await self._for_each(self._store.delete, ids)
        if not shiboken6.isValid(self):
            return
        self.refresh()

        def undo() -> None:
            self._bridge.start(self._restore_runs(ids))

        def words() -> str:
            if len(ids) == 1:
                return self.tr("The quality run is deleted.")
            return self.tr("Deleted: {count} quality runs.").format(count=f"{len(ids):,}")

        self._notices.inform_with_undo(words, undo)

    async def _restore_runs(self, ids: list[str]) -> None:
        await self._for_each(self._store.restore, ids)
        if shiboken6.isValid(self):
            self.refresh(ids[0])

    @staticmethod
    async def _for_each(change: Callable[[str], None], ids: Sequence[str]) -> None:
        """Apply `change` to each run on another thread, as another program may be writing to the file."""

        def work() -> None:
            for run_id in ids:
                change(run_id)

        await asyncio.to_thread(work)

    def _on_selection(self) -> None:
        rows = self._table.view.selectionModel().selectedRows()
        self._show_item(rows[0].data(ROW_ROLE) if rows else None)

    def _show_item(self, result: ItemResult | None) -> None:
        """Show an item beside the table; one that is shown stays where it was scrolled to."""
        if result != self._chosen:
            self._chosen = result
            self._item.show_item(result)

    def update_head(self) -> None:
        """Show whether there is a model to ask, and whether it goes on with a run that was stopped."""
        self._empty.setVisible(not self._rows and not self.measuring)
        self._run_button.setEnabled(self.can_measure)
        self._anew.setEnabled(self.can_measure)
        self._size.setEnabled(not self.measuring)
        self._data_button.setEnabled(not self.measuring)
        self._look_for_kept()
        self._show_what_runs()

    def _show_what_runs(self) -> None:
        info = self._session.info
        if self.measuring:
            self._run_button.setText(self.tr("Running"))
        elif self._kept:
            self._run_button.setText(self.tr("Go on"))
        else:
            self._run_button.setText(self.tr("Run the quality suite"))
        if info is None or self.refusal:
            tip = self.refusal
        elif self._kept:
            tip = self.tr("Results of the run that was stopped: {count}").format(count=f"{self._kept:,}")
        else:
            tip = self.tr("Asks {model}, and judges the answers").format(
                model=f"{info.name} {info.quantisation}".strip()
            )
        set_tip(self._run_button, tip)

    def _make_empty(self) -> Card:
        card = Card(margin_px=32)
        card.body.addWidget(label(self.tr("How good are its answers?"), "title"))
        card.body.addWidget(
            label(
                self.tr(
                    "Choose a model at the top and run the suite. Stillroom asks it mathematics, tasks "
                    "in several steps, facts hidden in long texts and what customers want, and judges "
                    "each answer; it also measures how well it predicts a text (perplexity). "
                    "Everything stays on this computer, and every question, thought and answer can be "
                    "read afterwards."
                ),
                "muted",
                wrap=True,
            )
        )
        return card

    def _make_items(self, ui: UiContext) -> None:
        """Make the table of the items, and what shows one of them."""
        self._items = QualityItems(ui.theme, self)
        items = self._items_card = Card(self._results, margin_px=0)
        split = self._split = QSplitter(Qt.Orientation.Horizontal, items)
        split.setChildrenCollapsible(False)
        items.body.addWidget(split)
        left = QWidget(split)
        column = QVBoxLayout(left)
        column.setContentsMargins(12, 12, 12, 12)
        self._arrange()
        self._table = FilteredTable(self._items, self.tr("Items of the run"), ITEM, left, wide_px=ITEM_PX)
        self._table.view.selectionModel().selectionChanged.connect(self._on_selection)
        column.addWidget(self._table)
        split.addWidget(left)
        self._item = QualityItemView(split)
        split.addWidget(self._item)
        split.setSizes([620, 380])

    def _arrange(self) -> None:
        """Item beside the table, or below it in a narrow window."""
        if self._split is None:
            return
        wide = self.width() >= WIDE_PX
        self._split.setOrientation(Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical)
        self._items_card.setFixedHeight(ITEMS_HEIGHT_PX if wide else 2 * ITEMS_HEIGHT_PX)

    def _on_theme_changed(self) -> None:
        self._run_button.setIcon(self._theme.icon("play", "on_accent"))
        self._export.setIcon(self._theme.icon("export", "text"))
