"""The page Quality of the Benchmark tab: run the suites, and browse what was asked and answered."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import shiboken6
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from app.bench.quality.comparison import QualityComparison, compare_quality
from app.bench.quality.figures import Figure, QualityReport, figures_of, grown_report, quality_report
from app.bench.quality.progress import QualityProgress
from app.bench.quality.result import ItemResult, QualityRun
from app.bench.quality.runner import QualityRunner
from app.bench.quality.store import QualityStore
from app.engine.protocol import ModelInfo
from app.remote.remote_server import is_elsewhere
from app.suites.quality_suites import QualitySuites
from app.ui.base.lasting_job import LastingJob
from app.ui.base.slices import Stepped
from app.ui.benchmark.frame.benchmark_export import FormsMenu
from app.ui.benchmark.frame.benchmark_state import QualityState
from app.ui.benchmark.frame.measuring_page import MeasuringPage
from app.ui.benchmark.frame.run_deletion import RunDeleter
from app.ui.benchmark.frame.run_history_view import MOST_COMPARED
from app.ui.benchmark.frame.run_progress_card import RunProgressCard
from app.ui.benchmark.quality.quality_head import QualityHead
from app.ui.benchmark.quality.quality_results import QualityResults
from app.ui.benchmark.quality.quality_runs_table import QualityRow
from app.ui.benchmark.quality.quality_words import QualityWords
from app.ui.benchmark.quality.quality_work import QualityWork
from app.ui.widgets.card import Card, label
from app.ui.widgets.scrolled_page import scroll_to
from app.ui.widgets.ui_context import UiContext
from models.system.progress import Progress


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
        self._store = store
        self._load_choices = ui.load_choices
        self._work = QualityWork(runner, store, suites, ui.session, ui.load_choices)
        self._words = QualityWords()
        self._rows: list[QualityRow] = []
        self._known: dict[str, list[Figure]] = {}
        self._follows_run = False
        self._running: QualityRun | None = None
        self._grown: list[ItemResult] = []
        """Results of the run that goes on, which are not shown yet."""
        self._grows = False
        self._wanted = ""
        """The run that is shown, or is being read to be shown."""
        self._reads = self._comparisons = 0
        self._kept = 0
        """Results of the run that the next one goes on with; 0 where it begins anew."""
        self._looked_at: tuple[object, ...] | None = None
        """The model, the questions and the runs that `_kept` is about."""
        self._is_made = False
        self._begin_making(self._make(ui), in_steps=in_steps)

    def _make(self, ui: UiContext) -> Iterator[None]:
        head = self._head = QualityHead(ui, self)
        head.run_asked.connect(self.run)
        head.anew_asked.connect(lambda: self.run(anew=True))
        head.choice_changed.connect(self._look_for_kept)
        self.setFocusProxy(head.run_button)
        self._progress = RunProgressCard(
            self.tr("Progress of the quality suite"),
            self.tr("Each finished item is kept. Cancel whenever you like; the next run goes on from there."),
        )
        self._progress.cancel_asked.connect(self.cancel)
        self._stopped = label("", "body", wrap=True)
        results = self._results = QualityResults(ui, self)
        head.export.setMenu(
            FormsMenu(results.forms, results.stem, ui.bridge, ui.notices, self, results.picture)
        )
        self._empty = self._make_empty()
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        self.lay_out(head, self._progress, self._stopped, results, self._empty)
        for part in (self._progress, self._stopped, results, self._empty):
            part.hide()
        yield
        yield from results.making()
        deleter = self._deleter = RunDeleter(
            ui, self._store.delete, self._store.restore, self._deleted_words, lambda: self._wanted, self
        )
        deleter.changed.connect(self.refresh)
        results.history.selection_changed.connect(self._on_runs_selected)
        results.history.compare_asked.connect(self._compare)
        results.history.delete_asked.connect(self._delete)
        self._is_made = True
        results.arrange()
        yield
        self.refresh()
        self.follow_session()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Arrange the page for its width."""
        super().resizeEvent(event)
        if self._is_made:
            self._results.arrange()

    def refresh(self, select: str = "") -> None:
        """Read the runs again and show one: the named one, else the same one again, else the newest."""
        self._rows = [
            QualityRow(run, finished, self._known.get(run.id)) for run, finished in self._store.runs()
        ]
        self._results.show_runs(self._rows)
        for shown in (self._results, self._head.export):
            shown.setVisible(bool(self._rows) and self._results.report is not None)
        ids = [row.id for row in self._rows]
        comparison = self._results.comparison
        if not {run.id for run in comparison.runs} <= set(ids):
            comparison.hide()
        if select in ids:
            self._wanted = select
            self._results.history.select(select)
        wanted = self._wanted if self._wanted in ids else ""
        if self._rows:
            self._show(self._rows[ids.index(wanted) if wanted else 0])
        else:
            self._results.forget()
            self._wanted = ""
            self._reads += 1
            self._head.show_about("")
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
        self._results.show_runs(self._rows)
        self._results.show_trend()

    def _figures_of(self, run_id: str) -> list[Figure]:
        return figures_of(self._store.results(run_id))

    @property
    def state(self) -> QualityState:
        """The choices and the run that is shown."""
        comparison = self._results.comparison
        compared = comparison.runs if comparison.isVisibleTo(self) else []
        return QualityState(
            self._head.questions,
            tuple(self._head.data),
            self._wanted,
            tuple(run.id for run in compared),
            self._follows_run,
        )

    def restore(self, state: QualityState) -> None:
        """Choose and show that again, as far as it is still there."""
        self._head.choose(state.size, state.data)
        known = {row.id: row for row in self._rows}
        if state.shown in known:
            self._wanted = state.shown
            self._results.history.select(state.shown)
            self._show(known[state.shown])
        self._follows_run = self.measuring and state.follows
        if len(state.compared) > 1 and set(state.compared) <= set(known):
            self._bridge.start(self._compare_runs([known[run_id].run for run_id in state.compared]))

    def run(self, *, anew: bool = False) -> None:
        """Run the suite on the loaded model, or go on with a run that was stopped, if not `anew`."""
        info = self._session.info
        if info is None or not self.can_measure:
            return
        if not is_elsewhere(info.path) and self.waits_for_reply(partial(self.run, anew=anew)):
            return
        work, head = self._work, self._head
        self.measure(partial(work.run, info, head.questions, head.data, self._job.tell, anew=anew), info)

    def cancel(self) -> None:
        """Stop; every finished item is kept, and the next run goes on from there."""
        super().cancel()
        self._progress.show_cancelling()

    def done_words(self) -> str:
        """Give the sentence that tells at another page that a job is done."""
        return self.tr("The quality has been measured.")

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
            settings = self._load_choices.known(info.path).load
            # Questions that waited for the end of the run wait for this, too.
            self._session.expect_model(True)
            self._bridge.start(self._session.load(Path(info.path), settings, info.name))

    def _look_for_kept(self) -> None:
        """Find the run that the next one would go on with, on another thread."""
        info = self._session.info
        stopped = tuple(row.id for row in self._rows if not row.finished)
        if info is None or self.measuring or not stopped:
            self._looked_at = None
            self._show_kept(0)
            return
        # Another load makes another `ModelInfo`, of other settings maybe.
        size, data = self._head.questions, self._head.data
        looked_at = (id(info), size, *data, *(row.id for row in self._rows))
        if looked_at != self._looked_at:
            self._looked_at = looked_at
            self._bridge.start(self._count_kept(info, size, data, looked_at))

    async def _count_kept(
        self, info: ModelInfo, most_items: int, data: list[str], looked_at: tuple[object, ...]
    ) -> None:
        kept = await asyncio.to_thread(self._work.kept, info, most_items, data)
        if shiboken6.isValid(self) and looked_at == self._looked_at:
            self._show_kept(kept)

    def _show_kept(self, count: int) -> None:
        """Say that a run goes on, and from where."""
        self._kept = count
        goes_on = count > 0 and not self.measuring
        self._stopped.setVisible(goes_on)
        self._stopped.setText(
            self.tr(
                "A run was stopped before its end. Results of it that are kept: {count}. "
                "Go on asks what is missing."
            ).format(count=f"{count:,}")
        )
        self._head.show_state(self._session.info, count)

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
                run, before = self._running, self._results.report
                new, self._grown = self._grown, []
                report = await asyncio.to_thread(self._grown_report, run, before, new)
                if not (shiboken6.isValid(self) and self.measuring and self._follows_run):
                    return
                if self._results.report is not before:
                    # Another one was chosen meanwhile, and this one again.
                    self._grown = [*new, *self._grown]
                elif before is not None and before.run.id == run.id:
                    self._results.add(report, report.items[len(before.items) :])
                    self._tell_shown(report)
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
        """Show a run. Between two steps the window can do something else."""
        self._results.show()
        self._head.export.show()
        self._empty.hide()
        yield
        self._wanted = report.run.id
        yield from self._results.showing(report)
        self._tell_shown(report)

    def _tell_shown(self, report: QualityReport) -> None:
        self._wanted = report.run.id
        # What is still being read has less of it.
        self._reads += 1
        about = self._words.run(report.run)
        if not report.finished:
            about = self.tr("{run}, not finished").format(run=about)
        self._head.show_about(about)

    def _on_runs_selected(self, selected: list[QualityRow]) -> None:
        if len(selected) == 1 and selected[0].id != self._wanted:
            self._follows_run = self._running is not None and selected[0].id == self._running.id
            self._show(selected[0])

    def _compare(self) -> None:
        """Compare the selected runs with the oldest of them."""
        selected = self._results.history.selected()[::-1]
        if 2 <= len(selected) <= MOST_COMPARED:
            self._bridge.start(self._compare_runs([row.run for row in selected]))

    async def _compare_runs(self, runs: Sequence[QualityRun]) -> None:
        def compared() -> QualityComparison:
            return compare_quality([(run, self._store.results(run.id)) for run in runs])

        self._comparisons += 1
        number = self._comparisons
        comparison = await asyncio.to_thread(compared)
        # Another one may have been asked for meanwhile, or a run of it deleted.
        present = {row.id for row in self._rows} if shiboken6.isValid(self) else set()
        if number == self._comparisons and {run.id for run in runs} <= present:
            self._results.comparison.show_comparison(comparison)
            scroll_to(self, self._results.comparison)

    def _delete(self) -> None:
        """Hide the selected runs, with a way back."""
        if not self.measuring:
            self._deleter.delete([row.id for row in self._results.history.selected()])

    def _deleted_words(self, count: int) -> str:
        if count == 1:
            return self.tr("The quality run is deleted.")
        return self.tr("Deleted: {count} quality runs.").format(count=f"{count:,}")

    def update_head(self) -> None:
        """Show whether there is a model to ask, and whether it goes on with a run that was stopped."""
        self._empty.setVisible(not self._rows and not self.measuring)
        self._look_for_kept()
        self._head.show_state(self._session.info, self._kept)

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
