"""A running benchmark: what it does, how far it is, and its way out."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from app.bench.progress import BenchmarkProgress
from app.ui.durations import duration
from app.ui.tabs import benchmark_words as words
from app.ui.widgets.card import Card, button, label


class BenchmarkProgressCard(Card):
    """The step, a bar, the time left and Cancel."""

    cancel_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._step = label("", "body")
        self._left = label("", "small")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(self.tr("Progress of the benchmark"))
        self._cancel = button(self.tr("Cancel"))
        self._cancel.clicked.connect(self.cancel_asked)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self._step, 1)
        row.addWidget(self._left)
        row.addWidget(self._cancel)
        self.body.addLayout(row)
        self.body.addWidget(self._bar)
        self.body.addWidget(
            label(
                self.tr(
                    "Chats wait until the benchmark ends. Leave the computer alone meanwhile: "
                    "what else it does is noticed and marked."
                ),
                "small",
                wrap=True,
            )
        )

    def start(self) -> None:
        """Show the beginning."""
        self._step.setText(self.tr("Starting"))
        self._left.setText("")
        self._bar.setValue(0)
        self._cancel.setEnabled(True)

    def show_progress(self, progress: BenchmarkProgress) -> None:
        """Show where it is."""
        self._step.setText(words.stage_text(progress))
        self._bar.setValue(round(1000 * progress.fraction))
        if progress.remaining_s is None:
            self._left.setText(self.tr("time left not known yet"))
        else:
            self._left.setText(
                self.tr("about {duration} left").format(duration=duration(max(1.0, progress.remaining_s)))
            )

    def show_cancelling(self) -> None:
        """The user has cancelled."""
        self._step.setText(self.tr("Cancelling"))
        self._left.setText("")
        self._cancel.setEnabled(False)
