"""The page Speed of the Benchmark tab: measure the loaded model, look back, compare, export."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import shiboken6
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMenu, QWidget

from app.base.errors import StillroomError
from app.base.threads import OneByOne
from app.bench.export.import_runs import imported_reports, read_runs
from app.bench.export.save import Forms, speed_forms
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import Report
from app.bench.results.run_difference import is_same_subject, run_noise
from app.bench.run.run_journal import Unfinished
from app.bench.run.run_progress import BenchmarkProgress
from app.bench.run.runner import BenchmarkRunner
from app.bench.run.suite import SUITES, Suite
from app.engine.protocol import ModelInfo
from app.ui.base.add_action import Command
from app.ui.base.lasting_job import LastingJob
from app.ui.base.offers import Offers
from app.ui.base.slices import Slices, Stepped
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.benchmark.frame.benchmark_export import FormsMenu, ask_for_runs
from app.ui.benchmark.frame.benchmark_state import SpeedState
from app.ui.benchmark.frame.measuring_page import MeasuringPage
from app.ui.benchmark.frame.run_deletion import RunDeleter
from app.ui.benchmark.frame.run_history_view import MOST_COMPARED
from app.ui.benchmark.frame.run_progress_card import RunProgressCard
from app.ui.benchmark.speed.benchmark_picture import report_to_png
from app.ui.benchmark.speed.speed_head import SpeedHead
from app.ui.benchmark.speed.speed_results import SpeedResults
from app.ui.widgets.card import Card, label
from app.ui.widgets.scrolled_page import scroll_to
from app.ui.widgets.ui_context import UiContext
from models.store.store import InstalledModel

READS_S = 0.3
"""A page whose runs are not read by then is shown without them."""

_READER = OneByOne("benchmark-runs")


@dataclass(frozen=True, eq=False)
class _Reading:
    """Runs that are being read, one of which is to be selected."""

    runs: "Future[list[Report]]"
    select: str | None


@dataclass(eq=False, slots=True)
class _Look:
    """A look for the run of a model and a suite that could go on. Another load makes another `ModelInfo`, of
    other settings maybe."""

    info: ModelInfo
    suite: Suite
    is_over: bool = False

    def is_for(self, info: ModelInfo, suite: Suite) -> bool:
        return self.info is info and self.suite == suite


class BenchmarkSpeedPage(MeasuringPage, Stepped):
    """Runs a suite on the loaded model and shows all runs; GUI thread."""

    def __init__(
        self,
        ui: UiContext,
        runner: BenchmarkRunner,
        history: BenchmarkHistory,
        parent: QWidget | None = None,
        *,
        suites: Sequence[Suite] = tuple(SUITES.values()),
        models: Callable[[], Sequence[InstalledModel]] = tuple,
        job: LastingJob | None = None,
        in_steps: bool = False,
    ) -> None:
        """`suites` are to choose from, the first one at the start. `models` lists those on disk, for the
        picture of what their quantisations cost. `in_steps` it is made by `making`."""
        super().__init__(ui, parent, job=job)
        self._runner = runner
        self._suites = suites
        self._models = models
        self._draft: Report | None = None
        """The figures of a run that goes on, or was stopped; shown in the place of a whole one."""
        self._follows_run = False
        self._unfinished: Unfinished | None = None
        self._look: _Look | None = None
        """The newest one, which `_unfinished` is or will be from; None where it has to be looked again."""
        self._readings = 0
        self._reading: _Reading | None = None
        self._history = history
        self._load_choices = ui.load_choices
        self._theme = ui.theme
        self._reports: list[Report] = []
        self._shown: Report | None = None
        self._filling, self._drawing = Slices(self), Slices(self)
        self._is_filled = False
        """The runs have been read once."""
        self._begin_making(self._make(ui), in_steps=in_steps)

    def _make(self, ui: UiContext) -> Iterator[None]:
        head = self._head = SpeedHead(ui, self._suites, self)
        head.run_asked.connect(self.run)
        head.anew_asked.connect(self._run_anew)
        head.suite_changed.connect(self.update_head)
        head.against_last_asked.connect(self._compare_with_last)
        head.import_asked.connect(self._ask_for_runs)
        head.export.setMenu(FormsMenu(self._forms, self._stem, ui.bridge, ui.notices, self, self._picture))
        self.setFocusProxy(head.run_button)
        self._progress = RunProgressCard(
            self.tr("Progress of the benchmark"),
            self.tr(
                "Chats wait until the benchmark ends. Leave the computer alone meanwhile: "
                "what else it does is noticed and marked."
            ),
        )
        self._progress.cancel_asked.connect(self.cancel)
        self._kept = label("", "body", wrap=True)
        results = self._results = SpeedResults(ui)
        self._empty = self._make_empty()
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        self.lay_out(head, self._progress, self._kept, results, self._empty)
        for before, after in pairwise(head.controls):
            self.setTabOrder(before, after)
        for part in (self._progress, self._kept, results, self._empty):
            part.hide()
        head.show_run(whole=False, comparable=False)
        # Nothing of it is painted before it has its run.
        self.viewport().setUpdatesEnabled(False)
        yield
        yield from results.making()
        deleter = self._deleter = RunDeleter(
            ui, self._history.delete, self._history.restore, self._deleted_words, lambda: self._shown, self
        )
        deleter.changed.connect(lambda _: self.refresh())
        results.history.selection_changed.connect(self._on_selection)
        results.history.compare_asked.connect(self._compare)
        results.history.delete_asked.connect(self._delete)
        yield
        self.refresh()
        Offers(self, self._offered)
        if self._job.running:
            self.complete()
        self.follow_session()

    def complete(self) -> None:
        """Read and show now what is left of the runs and of the one that is shown; waits for the disk."""
        if self._reading is not None:
            concurrent.futures.wait([self._reading.runs])
            self._fill(self._reading)
        self._filling.finish()
        self._drawing.finish()

    def refresh(self, select: str | None = None) -> None:
        """Read the history again beside the window, show it in the turns after that, and select a run."""
        if self._reading is not None:
            select = select or self._reading.select
        self._filling.finish()
        self._look = None
        self._reading = _Reading(_READER.submit(self._history.reports), select)
        self._bridge.start(self._fill_when_read(self._reading))

    async def _fill_when_read(self, reading: _Reading) -> None:
        runs = {asyncio.wrap_future(reading.runs)}
        done, _ = await asyncio.wait(runs, timeout=READS_S)
        if not done and shiboken6.isValid(self):
            self.viewport().setUpdatesEnabled(True)
        await asyncio.gather(*runs, return_exceptions=True)
        if shiboken6.isValid(self) and self._reading is reading:
            self._fill(reading)

    def _fill(self, reading: _Reading) -> None:
        self._reading = None
        self._filling.begin(self._fill_steps(reading))

    def _offered(self) -> list[Command | QMenu]:
        """Offer nothing but the buttons of the whole page."""
        self.complete()
        return []

    def _fill_steps(self, reading: _Reading) -> Iterator[None]:
        try:
            try:
                reports = reading.runs.result()
            except StillroomError as error:
                # The model can be measured all the same.
                reports = self._reports
                self._notices.error(error)
            yield
            self._reports = reports
            known = {report.id: report for report in reports}
            chosen = known.get(reading.select or "")
            if chosen is not None:
                self._draft = None
            if self._draft is None:
                kept = known.get(self._shown.id) if self._shown else None
                self._shown = chosen or kept or next(iter(reports), None)
            self._results.show_runs(reports, chosen.id if chosen is not None else "")
            yield
            comparison = self._results.comparison
            if any(
                pair.before.id not in known or pair.after.id not in known for pair in comparison.comparisons
            ):
                comparison.hide()
            self._is_filled = True
            self._on_session_changed()
            if self._draft is None and self._shown is not None:
                self._draw(self._shown)
        finally:
            if shiboken6.isValid(self) and not self._drawing.under_way:
                self.viewport().setUpdatesEnabled(True)

    @property
    def state(self) -> SpeedState:
        """The choices and the run that is shown."""
        self.complete()
        comparison = self._results.comparison
        pairs = comparison.comparisons if comparison.isVisibleTo(self) else []
        compared = [pairs[0].before.id, *(pair.after.id for pair in pairs)] if pairs else []
        shown = "" if self._shown is None else self._shown.id
        stopped = None if self.measuring else self._draft
        return SpeedState(self._head.suite.name, shown, tuple(compared), self._follows_run, stopped)

    def restore(self, state: SpeedState) -> None:
        """Choose and show that again, as far as it is still there."""
        self.complete()
        self._head.choose(state.suite)
        known = {report.id: report for report in self._reports}
        if state.shown in known and (self._draft is None or not state.follows):
            self._results.history.select(state.shown)
            self._show(known[state.shown])
        elif state.stopped is not None and not self.measuring:
            self._show_draft(state.stopped)
            self.update_head()
        self._follows_run = self.measuring and state.follows
        if len(state.compared) > 1 and set(state.compared) <= set(known):
            self._show_comparison([known[run_id] for run_id in state.compared])

    def run(self) -> None:
        """Measure the loaded model, or go on with a run that was ended; told to wait where the engine is
        busy."""
        self.complete()
        info = self._session.info
        if info is None or not self.can_measure:
            return
        if self._session.answers_elsewhere:
            elsewhere = self._runner.elsewhere(self._session.unnoted_answers(info))
            self._measure_with(partial(elsewhere.run, info, self._head.suite))
            return
        if self.waits_for_reply(self.run):
            return
        settings = self._load_choices.known(info.path).load
        self._measure_with(
            partial(self._runner.run, Path(info.path), settings, self._head.suite, name=info.name)
        )

    def cancel(self) -> None:
        """Stop the run; what it has measured is kept for `run` to go on with."""
        super().cancel()
        self._progress.show_cancelling()

    def done_words(self) -> str:
        """Give the sentence that tells at another page that a job is done."""
        return self.tr("The speed has been measured.")

    def show_job(self, running: bool) -> None:
        """Show the progress while a run lasts."""
        self._follows_run = running
        self._look = self._unfinished = None
        if running:
            self._progress.start()
        self._progress.setVisible(running)

    def _measure_with(self, work: Callable[..., Report]) -> None:
        """`work` takes `on_progress` and `cancel`."""
        job = self._job

        def on_progress(progress: BenchmarkProgress) -> None:
            job.tell(progress, has_figures=progress.so_far is not None)

        self.measure(lambda cancel: work(on_progress=on_progress, cancel=cancel), self._session.info)

    def take_result(self, result: object) -> None:
        """Show the report of the run that has ended."""
        assert isinstance(result, Report)
        self._draft = None
        self._shown = result
        self.refresh(select=result.id)

    def show_progress(self, progress: object) -> None:
        """Show the step, and what is measured as far as the user has not chosen another run meanwhile."""
        assert isinstance(progress, BenchmarkProgress)
        if progress.so_far is not None and self._follows_run:
            self._show_draft(progress.so_far)
            self._show_state()
        step = words.stage_text(progress)
        self._progress.show_progress(step, progress.fraction, progress.remaining_s)
        self._session.tell_work(self.tr("Benchmark: {step}").format(step=step))

    def _show(self, report: Report | None) -> None:
        """Show one run above; None takes the newest."""
        if report is None and self._reports:
            report = self._reports[0]
        self._shown, self._draft = report, None
        self.update_head()
        if self._draft is None and report is not None:
            self._draw(report)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Look for the models at hand: others can have come since."""
        super().showEvent(event)
        self._bridge.start(self._read_models())

    async def _read_models(self) -> None:
        """Read which models are on the disk, and show them beside the run."""
        self._readings += 1
        number = self._readings
        found = await asyncio.to_thread(self._models)
        if shiboken6.isValid(self) and number == self._readings and found != self._results.models:
            self._results.take_models(found)
            report = self._draft or self._shown
            if report is not None:
                self._results.show_plots(report, grows=report is self._draft)

    def _show_draft(self, report: Report) -> None:
        """Show what is measured of a run that is not at its end."""
        self._shown, self._draft = None, report
        self._draw(report)

    def _draw(self, report: Report) -> None:
        """Show a run in the next turns: at once it takes longer than a key should wait."""
        self._drawing.begin(self._draw_steps(report))

    def _draw_steps(self, report: Report) -> Iterator[None]:
        try:
            self._head.show_about(self._about(report))
            yield from self._results.showing(report, grows=report is self._draft)
        finally:
            if shiboken6.isValid(self):
                self.viewport().setUpdatesEnabled(True)

    def _show_state(self) -> None:
        """Show the parts that there is something for: a whole run, the beginning of one, or nothing yet."""
        running, kept = self.measuring, self._unfinished
        self._results.setVisible(self._shown is not None or self._draft is not None)
        self._empty.setVisible(self._shown is None and self._draft is None and not running)
        self._head.show_run(whole=self._shown is not None, comparable=self._run_before() is not None)
        if self._shown is None and self._draft is None:
            self._head.show_about("")
        goes_on = kept is not None and kept.done > 0
        gone = self._draft is not None and self._draft.is_elsewhere
        self._kept.setVisible((goes_on or gone) and not running)
        if gone:
            self._kept.setText(
                self.tr("The run was stopped before its end. What it had measured is not kept.")
            )
        if kept is not None:
            self._kept.setText(
                self.tr(
                    "A run was stopped before its end. Results of it that are kept: {count}. "
                    "Go on measures what is missing."
                ).format(count=kept.done)
            )

    def _look_for_unfinished(self) -> None:
        """Have the run of this model found that could go on. Its results are shown where they were before, or
        where there is no whole run."""
        info = self._session.here
        if info is None:
            self._look = self._unfinished = None
            return
        if self.measuring:
            return
        look, suite = self._look, self._head.suite
        if look is None or not look.is_for(info, suite):
            if look is not None:
                self._unfinished = None
            self._look = look = _Look(info, suite)
            self._bridge.start(self._find_unfinished(look))
        if not look.is_over:
            return
        kept = self._unfinished
        so_far = None if kept is None else kept.so_far
        if so_far is not None and self._shown is None:
            if so_far != self._draft:
                self._show_draft(so_far)
        elif self._draft is not None:
            self._draft = None
            self._show(None)

    async def _find_unfinished(self, look: _Look) -> None:
        """Look in the history beside the window, and show what was found unless another look has begun."""
        path = Path(look.info.path)
        settings = self._load_choices.known(look.info.path).load
        try:
            found = await asyncio.to_thread(self._runner.unfinished, path, look.suite, settings)
        except StillroomError:
            # The page may have gone, and its history with it.
            if shiboken6.isValid(self) and self._look is look:
                raise
            return
        if shiboken6.isValid(self) and self._look is look:
            look.is_over, self._unfinished = True, found
            self.update_head()

    def update_head(self) -> None:
        """Show what can be run: the suite, the rest of a run that was ended, or a measurement from here."""
        if not self._is_filled:
            return
        self._look_for_unfinished()
        self._show_state()
        info, kept = self._session.here, self._unfinished
        last_run_s = None
        if info is not None:
            name, suite = Path(info.path).name, self._head.suite.name
            same = (run for run in self._reports if run.model.file == name and run.suite == suite)
            last_run_s = next((run.duration_s for run in same), None)
        self._head.show_state(
            info,
            kept.done if kept is not None else 0,
            last_run_s,
            elsewhere=self._session.answers_elsewhere,
        )

    def _run_anew(self) -> None:
        info = self._session.here
        if info is not None:
            self._bridge.start(self._discard_and_run(Path(info.path)))

    async def _discard_and_run(self, path: Path) -> None:
        # Not here: another program may be writing to the file.
        suite = self._head.suite
        await asyncio.to_thread(self._runner.discard_unfinished, path, suite)
        if shiboken6.isValid(self):
            self._look = self._unfinished = None
            here = self._session.here
            if here is not None and Path(here.path) == path and self._head.suite == suite:
                self.run()
            else:
                # The user has gone on to something else.
                self.update_head()

    def _on_selection(self, selected: list[Report]) -> None:
        if len(selected) == 1 and selected[0] is not self._shown:
            self._follows_run = False
            self._show(selected[0])

    def _compare(self) -> None:
        """Compare the selected runs with the oldest of them."""
        selected = self._results.history.selected()
        if 2 <= len(selected) <= MOST_COMPARED:
            self._show_comparison(selected[::-1])

    def _compare_with_last(self) -> None:
        before = self._run_before()
        if before is not None and self._shown is not None:
            self._show_comparison([before, self._shown])

    def _run_before(self) -> Report | None:
        """The newest run of the same file and suite before the one that is shown."""
        shown = self._shown
        if shown is None:
            return None
        same = (run for run in self._reports if run.suite == shown.suite and is_same_subject(run, shown))
        return next((run for run in same if run.started_at < shown.started_at), None)

    def _show_comparison(self, runs: Sequence[Report]) -> None:
        self._results.compare(runs)
        scroll_to(self, self._results.comparison)

    def _about(self, report: Report) -> str:
        noise = run_noise([run for run in self._reports if run.machine == report.machine])
        model = f"{report.model.name} {report.model.quantisation}".strip()
        text = f"{model} · {words.machine_text(report)}"
        if noise is None:
            return text
        return self.tr("{machine} · run-to-run noise {percent}%").format(
            machine=text, percent=f"{100 * noise:.1f}"
        )

    def _forms(self) -> Forms | None:
        return None if self._shown is None else speed_forms(self._shown)

    def _stem(self) -> str:
        report = self._shown
        if report is None:
            return "benchmark"
        return f"benchmark-{report.model.name}-{report.model.quantisation}-{report.started_at[:10]}"

    def _picture(self) -> bytes | None:
        return None if self._shown is None else report_to_png(self._shown, self._theme)

    def _delete(self) -> None:
        self._deleter.delete([report.id for report in self._results.history.selected()])

    def _deleted_words(self, count: int) -> str:
        if count == 1:
            return self.tr("The benchmark run is deleted.")
        return self.tr("Deleted: {count} benchmark runs.").format(count=f"{count:,}")

    def _ask_for_runs(self) -> None:
        def take(path: Path) -> None:
            self._bridge.start(self._import_runs(path))

        ask_for_runs(self, take)

    async def _import_runs(self, path: Path) -> None:
        cancel = threading.Event()

        def read() -> list[Report]:
            return self._history.take_in(imported_reports(read_runs(path)), cancel)

        try:
            found = await asyncio.to_thread(read)
        finally:
            # Where the window goes meanwhile, none is kept.
            cancel.set()
        if shiboken6.isValid(self):
            self.refresh(select=found[0].id)
            self._notices.inform(self.tr("Imported benchmark runs: {count}.").format(count=len(found)))

    def _make_empty(self) -> QWidget:
        card = Card(margin_px=32)
        card.body.addWidget(label(self.tr("Nothing measured yet"), "title"))
        card.body.addWidget(
            label(
                self.tr(
                    "Choose a model at the top and run the benchmark. Stillroom measures how fast it reads "
                    "and writes in short and in long chats, how evenly its words come, what is gained by "
                    "several replies at once, how much memory and energy it needs, and how near that "
                    "comes to what this computer can do."
                ),
                "muted",
                wrap=True,
            )
        )
        return card
