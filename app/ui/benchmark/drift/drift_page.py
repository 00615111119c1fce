"""The page Drift of the Benchmark tab: whether the loaded model still answers as it did."""

import asyncio

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from app.bench.drift.checker import DriftChecker, DriftProgress
from app.bench.drift.comparison import DriftReport, ItemDrift
from app.ui.base.lasting_job import LastingJob
from app.ui.base.layouts import clear_layout
from app.ui.base.plain_text import set_tip, without_blank_ends
from app.ui.benchmark.drift.drift_items_table import LIKELIHOOD, QUESTION, ROUGE, DriftItems
from app.ui.benchmark.drift.drift_words import DRIFT, DriftWords
from app.ui.benchmark.frame.benchmark_words import when_text
from app.ui.benchmark.frame.measuring_page import MeasuringPage
from app.ui.widgets.card import Card, LabelLook, button, label, set_look
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.filtered_table import FilteredTable
from app.ui.widgets.flow_row import FlowRow
from app.ui.widgets.rows_model import ROW_ROLE
from app.ui.widgets.ui_context import UiContext

QUESTION_PX = 280
"""Of the questions in a narrow window."""


class DriftPage(MeasuringPage):
    """Checks the loaded model with one click and shows its newest check; GUI thread."""

    def __init__(
        self,
        ui: UiContext,
        checker: DriftChecker,
        parent: QWidget | None = None,
        *,
        job: LastingJob | None = None,
    ) -> None:
        super().__init__(ui, parent, job=job)
        self._checker = checker
        self._theme = ui.theme
        self._words = DriftWords()
        self._report: DriftReport | None = None
        self._check = button(self.tr("Check now"), "primary")
        self._check.clicked.connect(self.check)
        self.setFocusProxy(self._check)
        self._stop = button(self.tr("Cancel"))
        self._stop.clicked.connect(self.cancel)
        self._accept = button(
            self.tr("Expect these answers from now on"),
            tip=self.tr("The next checks are compared with this one. What was kept before stays."),
        )
        self._accept.clicked.connect(self._on_accept)
        self._model = ElidedLabel("small")
        self._answers = _VerdictCard(self.tr("ANSWERS"))
        self._speed = _VerdictCard(self.tr("SPEED"))
        self._since = _VerdictCard(self.tr("SINCE"))
        self._items = DriftItems(ui.theme, self)
        self._table = FilteredTable(
            self._items,
            self.tr("Kept answers"),
            QUESTION,
            wide_px=QUESTION_PX,
            spared=(ROUGE, LIKELIHOOD),
        )
        self._table.show_all_rows()
        self._table.view.selectionModel().selectionChanged.connect(self._on_selection)
        self._before = label("", "body", wrap=True, selectable=True)
        self._now = label("", "body", wrap=True, selectable=True)
        self._changes = QVBoxLayout()
        self._changes_card = Card()
        self._results = QWidget()
        self._empty = self._make_empty()
        self._lay_out()
        for changed in (
            ui.session.loaded,
            ui.session.unloaded,
            ui.session.load_failed,
            ui.session.engine_died,
        ):
            changed.connect(self.refresh)
        ui.theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        for part in (self._stop, self._results, self._empty):
            part.hide()
        self._reads = 0
        self.refresh()
        self.follow_session()

    def refresh(self, *_: object) -> None:
        """Read the newest check of the loaded model, and show it."""
        here = self._session.here
        if here is None:
            self.show_report(None)
        else:
            self._reads += 1
            self._bridge.start(self._read(here.path, self._reads))

    def show_checked(self) -> bool:
        """Show a check that was made by itself; tell whether this page is seen now."""
        self.refresh()
        return self.isVisible()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Take away the notice that led here."""
        super().showEvent(event)
        self._notices.withdraw(DRIFT)

    async def _read(self, path: str, number: int) -> None:
        """Its answers are compared with earlier ones word by word."""
        report = await asyncio.to_thread(self._checker.newest, path)
        if shiboken6.isValid(self) and number == self._reads:
            self.show_report(report)

    def check(self) -> None:
        """Answer the golden set now and compare."""
        here = self._session.here
        if here is None or not self.can_measure or self.waits_for_reply(self.check):
            return
        checker, tell = self._checker, self._job.tell
        self.measure(lambda cancel: checker.check(here, tell, cancel, name=here.name), here)

    def take_result(self, result: object) -> None:
        """Show the check that has ended."""
        assert isinstance(result, DriftReport)
        self.show_report(result)

    def done_words(self) -> str:
        """Give the sentence that tells at another page that a job is done."""
        return self.tr("The answers have been checked.")

    def show_job(self, running: bool) -> None:
        """Nothing of a check that is cancelled is kept."""
        self._stop.setVisible(running)

    def show_report(self, report: DriftReport | None) -> None:
        """Show a check, or what to do where there is none."""
        self._report = report
        # What is still being read is older.
        self._reads += 1
        self._results.setVisible(report is not None)
        self._empty.setVisible(report is None)
        if report is not None:
            looks: dict[str, LabelLook] = {"same": "good", "shifted": "warning", "moved": "danger"}
            words = self._words
            answers_look = "muted" if report.is_first or not report.items else looks[report.answers]
            self._answers.show_verdict(words.answers(report), words.answers_line(report), answers_look)
            speed_looks: dict[str, LabelLook] = {"same": "good", "faster": "good", "slower": "danger"}
            speed_look = "muted" if report.is_first else speed_looks.get(report.speed, "muted")
            self._speed.show_verdict(words.speed(report), words.speed_line(report), speed_look)
            set_tip(self._speed, words.speed_reason(report))
            self._since.show_verdict(words.since(report), words.since_line(report), "body")
            self._items.show_report(report)
            self._show_changes(report)
            self._table.view.selectRow(0)
        self.update_head()

    def show_progress(self, progress: object) -> None:
        """Show how many answers there are."""
        assert isinstance(progress, DriftProgress)
        step = (
            self.tr("{done} of {total} answers").format(done=progress.done, total=progress.total)
            if progress.total
            else self.tr("Reading the model file")
        )
        self._model.setText(step)
        self._session.tell_work(self.tr("Drift: {step}").format(step=step))

    def _show_changes(self, report: DriftReport) -> None:
        clear_layout(self._changes)
        for difference in report.differences:
            text = self.tr("{field}: {before}, now {now}").format(
                field=self._words.field(difference.field),
                before=self._words.value(difference.field, difference.before),
                now=self._words.value(difference.field, difference.now),
            )
            self._changes.addWidget(label(text, "body", wrap=True, selectable=True))
        if not report.differences:
            self._changes.addWidget(
                label(
                    self.tr("Nothing: file, programs, driver and settings are the same."), "muted", wrap=True
                )
            )
        self._changes_card.setVisible(not report.is_first)

    def _on_selection(self) -> None:
        rows = self._table.view.selectionModel().selectedRows()
        item: ItemDrift | None = rows[0].data(ROW_ROLE) if rows else None
        self._before.setText("" if item is None else without_blank_ends(item.before))
        self._now.setText("" if item is None else without_blank_ends(item.now))

    def _on_accept(self) -> None:
        if self._report is not None:
            self._bridge.start(self._take(self._report.run_id))

    async def _take(self, run_id: str) -> None:
        await asyncio.to_thread(self._checker.accept, run_id)
        if shiboken6.isValid(self):
            self.refresh()

    def update_head(self) -> None:
        """Show whether there is a model to check, and of when its newest check is."""
        here, report = self._session.here, self._report
        self._check.setEnabled(here is not None and self.can_measure)
        set_tip(
            self._check,
            self.refusal
            or (
                self.tr("A model elsewhere is not checked")
                if here is None
                else self.tr("Asks the same test questions again; some seconds to a few minutes")
            ),
        )
        self._accept.setVisible(report is not None and not report.is_first and report.has_moved)
        if not self.measuring:
            when = "" if report is None else when_text(report.started_at)
            name = "" if here is None else f"{here.name} {here.quantisation}"
            text = self.tr("{model}, checked {when}") if report is not None else "{model}"
            self._model.setText(text.format(model=name, when=when))

    def _make_empty(self) -> Card:
        card = Card(margin_px=32)
        card.body.addWidget(label(self.tr("Does it still answer as it did?"), "title"))
        card.body.addWidget(
            label(
                self.tr(
                    "Press Check now once with a loaded model: Stillroom asks eight short questions, "
                    "without any randomness, and keeps the answers. After an update of Stillroom, "
                    "llama.cpp, a driver or the model file it asks them again when the computer is "
                    "idle, and tells you if an answer or the speed has changed."
                ),
                "muted",
                wrap=True,
            )
        )
        return card

    def _lay_out(self) -> None:
        head = FlowRow()
        for made in (self._check, self._stop, self._accept):
            head.add(made)
        self._model.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head.add(self._model, stretch=True)
        cards = QGridLayout()
        cards.setSpacing(12)
        for column, card in enumerate((self._answers, self._speed, self._since)):
            cards.addWidget(card, 0, column)
            cards.setColumnStretch(column, 1)
        self.lay_out(head, self._results, self._empty)
        table = Card(self._results)
        table.body.addWidget(self._table)
        sides = QGridLayout()
        sides.setSpacing(12)
        for column, (caption, text) in enumerate(
            ((self.tr("BEFORE"), self._before), (self.tr("NOW"), self._now))
        ):
            side = Card(self._results)
            side.body.addWidget(label(caption, "caption"))
            side.body.addWidget(text)
            side.body.addStretch(1)
            sides.addWidget(side, 0, column)
            sides.setColumnStretch(column, 1)
        self._changes_card.body.addWidget(label(self.tr("WHAT HAS CHANGED"), "caption"))
        self._changes_card.body.addLayout(self._changes)
        results = QVBoxLayout(self._results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(12)
        results.addLayout(cards)
        results.addWidget(self._changes_card)
        results.addWidget(table)
        results.addLayout(sides)

    def _on_theme_changed(self) -> None:
        self._check.setIcon(self._theme.icon("play", "on_accent"))


class _VerdictCard(Card):
    """A caption, a verdict in its colour, and a line about it."""

    def __init__(self, caption: str) -> None:
        super().__init__()
        self.body.setSpacing(4)
        self.setAccessibleName(caption)
        self._verdict = label("", "title", selectable=True)
        self._line = label("", "small", wrap=True)
        self._mark = label("●", "muted")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._mark)
        row.addWidget(self._verdict, 1)
        self.body.addWidget(label(caption, "caption"))
        self.body.addLayout(row)
        self.body.addWidget(self._line)
        self.body.addStretch(1)

    def show_verdict(self, verdict: str, line: str, look: LabelLook) -> None:
        """Show it."""
        self._verdict.setText(verdict)
        self._line.setText(line)
        set_look(self._mark, look)
