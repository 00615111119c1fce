"""The page Speed of the Benchmark tab: measure the loaded model, look back, compare, export."""

import asyncio
import threading
from pathlib import Path

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QScrollArea, QVBoxLayout, QWidget

from app.bench.compare import compare
from app.bench.history import BenchmarkHistory
from app.bench.markdown import comparison_to_markdown, report_to_markdown
from app.bench.progress import BenchmarkProgress
from app.bench.report import Report
from app.bench.runner import BenchmarkRunner
from app.bench.save import save_report
from app.bench.suite import SUITES, Suite
from app.engine.messages import Delta, Event, Failed, Finished, PromptProgress
from app.settings import SettingsFile
from app.ui.bridge import Bridge
from app.ui.durations import duration
from app.ui.session import EngineSession
from app.ui.tabs import benchmark_words as words
from app.ui.tabs.benchmark_comparison import ComparisonCard
from app.ui.tabs.benchmark_export import ask_where
from app.ui.tabs.benchmark_figures import FigureCards
from app.ui.tabs.benchmark_history_view import BenchmarkHistoryView
from app.ui.tabs.benchmark_plots import PlotCard, RunsPlot, SizePlot
from app.ui.tabs.benchmark_progress_card import BenchmarkProgressCard
from app.ui.theme import Theme
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary

MARGIN_PX = 28
JOB = "benchmark"


class BenchmarkSpeedPage(QScrollArea):
    """Runs one suite on the loaded model and shows all runs; GUI thread.

    While a run lasts, the session is reserved for "benchmark", so that chats keep away. A run whose tab goes
    away is cancelled.
    """

    def __init__(
        self,
        runner: BenchmarkRunner,
        history: BenchmarkHistory,
        session: EngineSession,
        settings: SettingsFile,
        theme: Theme,
        bridge: Bridge,
        notices: Notices,
        library: PlotLibrary,
        parent: QWidget | None = None,
        *,
        suite: Suite = SUITES["speed"],
    ) -> None:
        super().__init__(parent)
        self._runner = runner
        self._suite = suite
        self._history = history
        self._session = session
        self._settings = settings
        self._theme = theme
        self._bridge = bridge
        self._notices = notices
        self._reports: list[Report] = []
        self._shown: Report | None = None
        self._cancel: threading.Event | None = None
        self._replies = _RunningReplies()
        self._run_button = button("", "primary")
        self._run_button.clicked.connect(self.run)
        self._export = button(self.tr("Export"))
        self._export.setMenu(self._export_menu())
        self._machine = ElidedLabel("small")
        self._machine.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._progress = BenchmarkProgressCard()
        self._progress.cancel_asked.connect(self.cancel)
        self._marks = label("", "warning", wrap=True)
        self._figures = FigureCards()
        self._comparison = ComparisonCard()
        self._comparison.closed.connect(self._comparison.hide)
        self._comparison.copy_asked.connect(self._copy_comparison)
        self._runs_plot = RunsPlot(theme, library)
        self._size_plot = SizePlot(theme, library)
        self._table = BenchmarkHistoryView()
        self._table.selection_changed.connect(self._on_selection)
        self._table.compare_asked.connect(self._compare)
        self._table.delete_asked.connect(self._delete)
        self._results = QWidget()
        self._empty = self._make_empty()
        self._lay_out()
        session.client.observe_events(self._replies.on_event)
        for changed in (session.loaded, session.unloaded, session.load_failed, session.engine_died):
            changed.connect(self._update_head)
        session.loading.connect(self._update_head)
        session.engine_died.connect(self._replies.forget)
        session.reservation_changed.connect(self._update_head)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self._progress.hide()
        self._comparison.hide()
        self.refresh()
        if history.set_aside is not None:
            notices.inform(
                self.tr("The benchmark history was damaged. It is kept as {name}; a new one begins.").format(
                    name=history.set_aside.name
                )
            )

    def refresh(self, select: str | None = None) -> None:
        """Read the history again, and select a run."""
        self._reports = self._history.reports()
        self._table.show_reports(self._reports)
        if select is not None:
            self._table.select(select)
        known = {report.id: report for report in self._reports}
        self._show(known.get(self._shown.id) if self._shown else None)
        if self._comparison.comparison is not None:
            pair = self._comparison.comparison
            if pair.before.id not in known or pair.after.id not in known:
                self._comparison.hide()

    def run(self) -> None:
        """Measure the loaded model; told to wait where the engine is busy."""
        if self._session.info is None or self._session.reserved_for or self._cancel is not None:
            return
        if self._replies.running:
            self._notices.inform(self.tr("A reply is being written. Stop it or wait for it, then run."))
            return
        self._bridge.start(self._run(Path(self._session.info.path), self._session.info.name))

    def cancel(self) -> None:
        """Stop the run; nothing of it is kept."""
        if self._cancel is not None:
            self._cancel.set()
            self._progress.show_cancelling()

    async def _run(self, path: Path, name: str) -> None:
        cancel = self._cancel = threading.Event()
        self.destroyed.connect(cancel.set)
        self._progress.start()
        self._progress.show()
        self._session.reserve(JOB)
        try:
            report = await asyncio.to_thread(
                self._runner.run,
                path,
                self._settings.values.load,
                self._suite,
                self._bridge.wrap(self._on_progress),
                cancel,
                name=name,
            )
        finally:
            cancel.set()
            self._session.reserve("")
            if shiboken6.isValid(self):
                self._cancel = None
                self._progress.hide()
                self._update_head()
        if shiboken6.isValid(self):
            self._shown = report
            self.refresh(select=report.id)

    def _on_progress(self, progress: BenchmarkProgress) -> None:
        if shiboken6.isValid(self) and self._cancel is not None and not self._cancel.is_set():
            self._progress.show_progress(progress)

    def _show(self, report: Report | None) -> None:
        """Show one run above; None takes the newest."""
        if report is None and self._reports:
            report = self._reports[0]
        self._shown = report
        self._results.setVisible(report is not None)
        self._empty.setVisible(report is None)
        self._export.setVisible(report is not None)
        self._machine.setText("" if report is None else words.machine_text(report))
        if report is not None:
            same = [other for other in self._reports if other.model.sha256 == report.model.sha256]
            self._figures.show_report(report)
            self._runs_plot.show_reports(list(reversed(same)))
            self._size_plot.show_reports(self._reports)
            marks = [words.mark_text(mark) for mark in report.marks]
            self._marks.setText(" ".join(marks))
            self._marks.setVisible(bool(marks))
        self._update_head()

    def _update_head(self, *_: object) -> None:
        info, running = self._session.info, self._cancel is not None
        self._run_button.setEnabled(info is not None and not running and not self._session.reserved_for)
        if info is None:
            self._run_button.setText(self.tr("Run"))
            self._run_button.setToolTip(self.tr("Load a model first"))
            return
        name = Path(info.path).name
        before = next(
            (run for run in self._reports if run.model.file == name and run.suite == self._suite.name), None
        )
        if before is None:
            self._run_button.setText(self.tr("Run the benchmark"))
        else:
            self._run_button.setText(
                self.tr("Run again · about {duration}").format(duration=duration(before.duration_s))
            )
        self._run_button.setToolTip(
            self.tr("Measures {model}: load, prompt and generation speed, first token, memory").format(
                model=f"{info.name} {info.quantisation}"
            )
        )

    def _on_selection(self, selected: list[Report]) -> None:
        if len(selected) == 1 and selected[0] is not self._shown:
            self._show(selected[0])

    def _compare(self) -> None:
        selected = self._table.selected()
        if len(selected) == 2:
            self._comparison.show_comparison(compare(selected[1], selected[0]))
            self._comparison.show()
            self.ensureWidgetVisible(self._comparison)

    def _copy_comparison(self) -> None:
        if self._comparison.comparison is not None:
            self._copy(comparison_to_markdown(self._comparison.comparison))

    def _delete(self) -> None:
        ids = [report.id for report in self._table.selected()]
        if ids:
            self._bridge.start(self._delete_runs(ids))

    async def _delete_runs(self, ids: list[str]) -> None:
        await asyncio.to_thread(self._history.delete, ids)
        self.refresh()

        def undo() -> None:
            self._bridge.start(self._restore_runs(ids))

        text = self.tr("Deleted: {count} benchmark runs.").format(count=len(ids))
        if len(ids) == 1:
            text = self.tr("The benchmark run is deleted.")
        self._notices.inform(text, self.tr("Undo"), undo)

    async def _restore_runs(self, ids: list[str]) -> None:
        await asyncio.to_thread(self._history.restore, ids)
        if shiboken6.isValid(self):
            self.refresh()

    def _export_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(self.tr("Save as JSON…"), lambda: self._save(".json"))
        menu.addAction(self.tr("Save as Markdown…"), lambda: self._save(".md"))
        menu.addAction(self.tr("Copy as Markdown"), self._copy_report)
        return menu

    def _save(self, suffix: str) -> None:
        report = self._shown
        if report is None:
            return

        def write(path: Path) -> None:
            self._bridge.start(self._write(report, path))

        ask_where(report, suffix, self, write)

    async def _write(self, report: Report, path: Path) -> None:
        await asyncio.to_thread(save_report, report, path)
        self._notices.inform(self.tr("Saved as {name}.").format(name=path.name))

    def _copy_report(self) -> None:
        if self._shown is not None:
            self._copy(report_to_markdown(self._shown))

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self._notices.inform(self.tr("Copied."))

    def _make_empty(self) -> QWidget:
        card = Card(margin_px=32)
        card.body.addWidget(label(self.tr("Nothing measured yet"), "title"))
        card.body.addWidget(
            label(
                self.tr(
                    "Load a model with the picker above and press Run. Stillroom measures how fast it reads "
                    "and writes, how long the first token takes and how much memory it needs: three times "
                    "after a warm-up, as llama-bench does. It takes from half a minute to a few minutes."
                ),
                "muted",
                wrap=True,
            )
        )
        return card

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._run_button)
        head.addWidget(self._export)
        head.addWidget(self._machine, 1)
        plots = QHBoxLayout()
        plots.setSpacing(12)
        plots.addWidget(
            PlotCard(
                self.tr("Generation speed, run by run"),
                self._runs_plot,
                self.tr("All runs of this model file; bars are one deviation up and down"),
            ),
            1,
        )
        plots.addWidget(
            PlotCard(
                self.tr("Speed and size of your models"),
                self._size_plot,
                self.tr("The newest run of each model file on this computer"),
            ),
            1,
        )
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(12)
        for part in (self._marks, self._figures, self._comparison):
            results.addWidget(part)
        results.addLayout(plots)
        results.addWidget(self._table)
        page = QWidget()
        page.setProperty("look", "page")
        layout = QVBoxLayout(page)
        layout.setContentsMargins(MARGIN_PX, 16, MARGIN_PX, MARGIN_PX)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self._progress)
        layout.addWidget(self._results)
        layout.addWidget(self._empty)
        layout.addStretch(1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(page)

    def _on_theme_changed(self) -> None:
        self._run_button.setIcon(self._theme.icon("play", "on_accent"))
        self._export.setIcon(self._theme.icon("export", "text"))


class _RunningReplies:
    """Which replies the engine is writing; filled on the engine client's thread, read on the GUI's."""

    def __init__(self) -> None:
        self.running: frozenset[int] = frozenset()

    def forget(self, *_: object) -> None:
        self.running = frozenset()

    def on_event(self, event: Event) -> None:
        if isinstance(event, PromptProgress | Delta):
            if event.request_id not in self.running:
                self.running |= {event.request_id}
        elif isinstance(event, Finished | Failed):
            self.running -= {event.request_id}
