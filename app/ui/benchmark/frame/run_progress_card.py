"""A run in progress: what it does, how far it is, and its way out."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from app.ui.base.durations import duration
from app.ui.widgets.card import Card, button, label


class RunProgressCard(Card):
    """The step, a bar that screen readers call `name`, the time left, Cancel, and `advice` below."""

    cancel_asked = Signal()

    def __init__(self, name: str, advice: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._step = label("", "body")
        self._left = label("", "small")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(name)
        self._cancel = button(self.tr("Cancel"))
        self._cancel.clicked.connect(self.cancel_asked)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self._step, 1)
        row.addWidget(self._left)
        row.addWidget(self._cancel)
        self.body.addLayout(row)
        self.body.addWidget(self._bar)
        self.body.addWidget(label(advice, "small", wrap=True))

    def start(self) -> None:
        """Show the beginning."""
        self.show_step(self.tr("Starting"), 0.0)
        self._cancel.setEnabled(True)

    def show_step(self, step: str, fraction: float) -> None:
        """Show a step for which there is no time left to tell."""
        self._step.setText(step)
        self._bar.setValue(round(1000 * fraction))
        self._left.setText("")

    def show_progress(self, step: str, fraction: float, remaining_s: float | None) -> None:
        """Show where the run is, and the time left as far as it is known."""
        self.show_step(step, fraction)
        if remaining_s is None:
            self._left.setText(self.tr("time left not known yet"))
        else:
            self._left.setText(
                self.tr("about {duration} left").format(duration=duration(max(1.0, remaining_s)))
            )

    def show_cancelling(self) -> None:
        """Show that the user has cancelled."""
        self._step.setText(self.tr("Cancelling"))
        self._left.setText("")
        self._cancel.setEnabled(False)
