"""A model's file that is being compared with what was recorded, and then the result."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from app.ui.base.durations import duration
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.notices import translated
from models.store.file_check import FileCheck, difference
from models.system.errors import StillroomError
from models.system.progress import Progress
from models.system.units import byte_count


class VerifyCard(Card):
    """Progress with a way to stop it, then the result until it is closed; GUI thread."""

    cancel_asked = Signal()
    closed = Signal()

    def __init__(self, called: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.called = called
        self.is_done = False
        title = self._title = ElidedLabel("title")
        title.setText(self.tr("Verifying {model}").format(model=called))
        self.setAccessibleName(title.text())
        self._cancel = button(self.tr("Cancel"), "quiet")
        self._cancel.clicked.connect(self.cancel_asked)
        self._close = button(self.tr("Close"))
        self._close.clicked.connect(self.closed)
        self._close.hide()
        self._step = label(self.tr("Reading the file"), "muted", wrap=True, selectable=True)
        self._amount = label("", "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(title.text())
        self._note = label("", "small", wrap=True, selectable=True)
        self._note.hide()
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self._cancel)
        head.addWidget(self._close)
        figures = QHBoxLayout()
        figures.addWidget(self._step, 1)
        figures.addWidget(self._amount)
        self.body.addLayout(head)
        self.body.addLayout(figures)
        self.body.addWidget(self._bar)
        self.body.addWidget(self._note)

    def show_progress(self, progress: Progress) -> None:
        """Show how far the check is."""
        amount = self.tr("{done} of {total}").format(
            done=byte_count(progress.done), total=byte_count(progress.total)
        )
        if progress.remaining_s is not None:
            left = self.tr("{time} left").format(time=duration(progress.remaining_s))
            amount = f"{amount} · {left}"
        self._amount.setText(amount)
        self._bar.setValue(round(1000 * progress.done / max(1, progress.total)))
        self._bar.setAccessibleDescription(amount)

    def show_check(self, check: FileCheck) -> None:
        """The result, with what to do where the file is not what was recorded."""
        problem = difference(check)
        if problem is not None:
            self.show_problem(problem)
        elif check.is_recorded:
            self._end("good", self.tr("The file is unchanged since it was made."), "")
        else:
            self._end(
                "muted",
                self.tr("There is no record to compare this file with; its beginning (header) is sound."),
                self.tr("Its SHA-256 is {sha256}").format(sha256=check.sha256),
            )

    def show_problem(self, problem: StillroomError) -> None:
        """Say why the file cannot be trusted or read."""
        message, hint = translated(problem)
        self._end("danger", message, hint)

    def _end(self, look: str, text: str, note: str) -> None:
        self.is_done = True
        self._title.setText(self.tr("Verified {model}").format(model=self.called))
        set_look(self._step, look)
        self._step.setText(text)
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._amount.hide()
        self._bar.hide()
        self._close.show()
        if self._cancel.hasFocus():
            # Else it would go to whatever comes next.
            self._close.setFocus()
        self._cancel.hide()
