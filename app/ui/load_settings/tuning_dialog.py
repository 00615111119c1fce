"""Finding the fastest settings: how far it is, then the table and the choice."""

import asyncio
import threading
from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.base.errors import Cancelled, StillroomError
from app.tuning.report import Speed, TuningReport
from app.tuning.tuner import TuningProgress
from app.ui.base import figures
from app.ui.base.bridge import Bridge
from app.ui.base.durations import duration
from app.ui.load_settings.tuning_rows import WHY, TuningRowsModel, knob_text
from app.ui.widgets.card import button, label, set_look
from app.ui.widgets.notices import notice_text, translated

RunTuning = Callable[[Callable[[TuningProgress], None], threading.Event], TuningReport]


class TuningDialog(QDialog):
    """Runs `run` on a thread of its own; it keeps what it finds. GUI thread."""

    used = Signal()
    """The user wants to load with what was found."""
    discarded = Signal()
    """The user does not want it."""
    ended = Signal()
    """Nothing is measured any more; the model has to be loaded again."""
    left = Signal()
    """It is closed and measures nothing: it can go."""

    def __init__(self, model: str, run: RunTuning, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run = run
        self._bridge = bridge
        self._cancel = threading.Event()
        self._running = True
        self._found = False
        self.setWindowTitle(self.tr("The fastest settings for {model}").format(model=model))
        self.setMinimumWidth(820)
        self._step = label(
            self.tr("Measures what is fastest on this computer. Leave it alone for a moment."), wrap=True
        )
        self._left = label("", "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(self.windowTitle())
        self._summary = label("", "title", wrap=True)
        self._summary.hide()
        self._notes = label("", "warning", wrap=True)
        self._notes.hide()
        self._table = QTableView()
        self._table.setShowGrid(False)
        self._table.setSelectionMode(QTableView.SelectionMode.NoSelection)
        self._table.setAccessibleName(self.tr("What was measured"))
        self._table.verticalHeader().hide()
        self._table.hide()
        self._leave = button(self.tr("Cancel"))
        self._leave.clicked.connect(self.reject)
        self._use = button(self.tr("Load with these"), "primary")
        self._use.setObjectName("use")
        self._use.clicked.connect(self._on_use)
        self._use.hide()
        head = QHBoxLayout()
        head.addWidget(self._step, 1)
        head.addWidget(self._left)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self._leave)
        buttons.addWidget(self._use)
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(12)
        body.addLayout(head)
        body.addWidget(self._bar)
        body.addWidget(self._summary)
        body.addWidget(self._notes)
        body.addWidget(self._table, 1)
        body.addLayout(buttons)

    def start(self) -> None:
        """Begin to measure."""
        self._bridge.start(self._measure())

    def show_kept(self, report: TuningReport) -> None:
        """Show what was measured earlier, in place of measuring."""
        self._running = False
        self._show_report(report)
        self._found = False
        self._use.hide()
        self._leave.setText(self.tr("Close"))
        self._leave.show()
        self._leave.setFocus()

    def done(self, result: int) -> None:
        """Closing it while it measures cancels that; closing the table leaves what was found unused."""
        self._cancel.set()
        if self._found and result != QDialog.DialogCode.Accepted:
            self.discarded.emit()
        super().done(result)
        if not self._running:
            self.left.emit()

    @property
    def waits_for_choice(self) -> bool:
        """There is a result that the user has not decided on."""
        return self._found and self.isVisible()

    async def _measure(self) -> None:
        try:
            report = await asyncio.to_thread(self._run, self._bridge.wrap(self._show_progress), self._cancel)
        except Cancelled:
            return
        except StillroomError as error:
            self._show_problem(error)
        else:
            if not self._cancel.is_set():
                self._show_report(report)
        finally:
            self._running = False
            self.ended.emit()
            if not self.isVisible():
                self.left.emit()

    def _show_progress(self, progress: TuningProgress) -> None:
        if not self._running or self._cancel.is_set():
            return
        self._step.setText(self.tr("Measures: {what}").format(what=knob_text(progress.what)))
        self._bar.setValue(round(1000 * progress.fraction))
        if progress.remaining_s is not None:
            self._left.setText(self.tr("{time} left").format(time=duration(progress.remaining_s)))

    def _show_problem(self, error: StillroomError) -> None:
        message, hint = translated(error)
        self._step.setText(f"{message} {hint}")
        set_look(self._step, "danger")
        self._left.clear()
        self._bar.hide()
        self._leave.setText(self.tr("Close"))

    def _show_report(self, report: TuningReport) -> None:
        self._found = True
        for part in (self._step, self._left, self._bar):
            part.hide()
        self._summary.setText(self._sentence(report))
        self._summary.show()
        self._notes.setText("\n".join(notice_text(notice) for notice in report.notices))
        self._notes.setVisible(bool(report.notices))
        self._table.setModel(TuningRowsModel(report, self._table))
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(WHY, QHeaderView.ResizeMode.Stretch)
        self._table.setMinimumHeight(400)
        self._table.show()
        self._leave.setText(self.tr("Discard"))
        if report.before == report.after:
            self._use.setText(self.tr("Close"))
            self._leave.hide()
        self._use.show()
        self._use.setFocus()
        self.adjustSize()

    def _sentence(self, report: TuningReport) -> str:
        before, after = report.before, report.after
        if before == after or not _both(before, after):
            return self.tr("The defaults are the fastest here: nothing else is clearly faster.")
        return self.tr(
            "Replies at {reply} tok/s instead of {reply_before}, prompts at {prompt} instead of "
            "{prompt_before}."
        ).format(
            reply=figures.rate(after.decode_tok_per_s or 0),
            reply_before=figures.rate(before.decode_tok_per_s or 0),
            prompt=figures.rate(after.prompt_tok_per_s or 0),
            prompt_before=figures.rate(before.prompt_tok_per_s or 0),
        )

    def _on_use(self) -> None:
        self.accept()
        self.used.emit()


def _both(*speeds: Speed) -> bool:
    return all(speed.turn_s is not None for speed in speeds)
