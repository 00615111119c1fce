"""A download and build that runs, waits or failed, with what it needs to be steered."""

from collections.abc import Collection
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from app.acquire.jobs import JobView
from app.ui.base.durations import duration
from app.ui.base.theme import Theme
from app.ui.models.job_following import asking_text
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.inline_notices import NoticeText
from app.ui.widgets.notices import Notices
from app.ui.widgets.push_buttons import SingleClicks
from models.system.disk_space import DiskFullError, DiskNeed
from models.system.progress import Progress
from models.system.units import byte_count


class JobCard(Card):
    """Shows one `JobView` and says what the user wants of it; GUI thread."""

    pause_asked = Signal(str)
    resume_asked = Signal(str)
    cancel_asked = Signal(str)

    def __init__(self, theme: Theme, notices: Notices, view: JobView, parent: QWidget | None = None) -> None:
        """`notices` knows what helps against a failure, and tells when a full disk has space again."""
        super().__init__(parent)
        self._theme = theme
        self._notices = notices
        self._view = view
        self._has_space = False
        """The disk that was too full for the job is so no more."""
        self._id = view.id
        self._title = ElidedLabel("title")
        self._pause = button(self.tr("Pause"))
        self._pause.clicked.connect(lambda: self.pause_asked.emit(self._id))
        self._resume = button(self.tr("Resume"))
        self._resume.clicked.connect(lambda: self.resume_asked.emit(self._id))
        # One stands where the other stood.
        SingleClicks(self._pause, self._resume)
        self._cancel = button(
            self.tr("Cancel"), "quiet", tip=self.tr("Stop and delete what was downloaded for it")
        )
        self._cancel.clicked.connect(lambda: self.cancel_asked.emit(self._id))
        self._remedy = button()
        self._remedy.clicked.connect(self._on_remedy)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._remedy)
        head.addWidget(self._pause)
        head.addWidget(self._resume)
        head.addWidget(self._cancel)
        self._step = ElidedLabel("muted")
        self._amount = label("", "muted")
        figures = QHBoxLayout()
        figures.addWidget(self._step, 1)
        figures.addWidget(self._amount)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._note = label("", "small", wrap=True)
        self.body.addLayout(head)
        self.body.addLayout(figures)
        self.body.addWidget(self._bar)
        self.body.addWidget(self._note)
        theme.changed.connect(self._colour_icons)
        self._colour_icons()
        self.show_view(view)
        notices.follow_disks(self)

    @property
    def disk_needs(self) -> set[DiskNeed]:
        """The space that the job waits for, where it stopped for the want of it."""
        error = self._view.error if self._view.state == "failed" else None
        return {error.need} if isinstance(error, DiskFullError) and error.need is not None else set()

    def show_space(self, there: Collection[DiskNeed]) -> None:
        """Say whether the space that it waits for is among what is there now."""
        has_space = not self.disk_needs.isdisjoint(there)
        if has_space != self._has_space:
            self._has_space = has_space
            self._show()

    def show_view(self, view: JobView) -> None:
        """Take the job's present state."""
        before, self._view = self.disk_needs, view
        if self.disk_needs != before:
            self._has_space = False
        self._show()

    def _show(self) -> None:
        view = self._view
        what = view.title
        if view.types:
            what = self.tr("{model} → {types}").format(model=what, types=" + ".join(view.types))
        title = self._title_text(view).format(what=what)
        self._title.setText(title)
        self.setAccessibleName(title)
        goes_on = view.state in ("running", "waiting")
        offered, other = (self._pause, self._resume) if goes_on else (self._resume, self._pause)
        offered.setVisible(goes_on or view.stopped)
        if other.hasFocus() and not offered.isHidden():
            # Else it would go to the next one, which is "Cancel".
            offered.setFocus()
        other.hide()
        failed = view.error is not None and view.state == "failed" and not self._has_space
        self._resume.setText(self.tr("Try again") if failed else self.tr("Resume"))
        told = self._notices.told(view.error) if failed and view.error is not None else NoticeText("")
        self._remedy.setText(told.action_text)
        self._remedy.setVisible(told.action is not None)
        set_look(self._step, "danger" if failed else "muted")
        self._bar.setVisible(view.state != "failed")
        if view.progress is not None:
            self._show_progress(view.progress)
            return
        if failed:
            self._step.setText(told.text)
            self._note.setText(told.hint)
        elif self._has_space:
            self._step.setText(self.tr("The disk has space again."))
            self._note.setText(self.tr("It can go on; what is there already is used."))
        else:
            self._step.setText(self._waiting_text(view))
            is_here = Path(view.model).is_absolute()
            self._note.setText(self._promise("build") if is_here else self.tr("What has arrived is kept."))
        self._step.setWordWrap(failed)
        # A card that is made anew shows it, too.
        reached = None if view.state == "failed" else view.reached
        self._show_amount(reached, self._step.text())

    def _on_remedy(self) -> None:
        if self._view.error is not None and (remedy := self._notices.told(self._view.error).action):
            remedy()

    def _title_text(self, view: JobView) -> str:
        match view.state:
            case "paused":
                return self.tr("Paused: {what}")
            case "failed":
                return self.tr("Stopped: {what}")
        return self.tr("Getting {what}")

    def _show_progress(self, progress: Progress) -> None:
        if progress.stage == "ask":
            self._step.setWordWrap(True)
            self._step.setText(asking_text(progress))
            self._amount.setText("")
            self._bar.setValue(0)
            self._note.setText(self.tr("What has arrived is kept."))
            return
        step = self._stage(progress.stage)
        if progress.bytes_per_s > 0:
            step = f"{step} · {byte_count(progress.bytes_per_s)}/s"
        if progress.detail:
            step = f"{step} · {progress.detail}"
        self._step.setWordWrap(False)
        self._step.setText(step)
        self._show_amount(progress, step)
        self._note.setText(self._promise(progress.stage))

    def _show_amount(self, progress: Progress | None, step: str) -> None:
        amount = ""
        thousandths = 0
        if progress is not None and progress.total > 0:
            amount = self.tr("{done} of {total}").format(
                done=self._count(progress, progress.done), total=self._count(progress, progress.total)
            )
            # The time that was left before a restart tells nothing.
            if progress.remaining_s is not None and progress is self._view.progress:
                left = self.tr("{time} left").format(time=duration(progress.remaining_s))
                amount = f"{amount} · {left}"
            thousandths = round(1000 * progress.done / progress.total)
        self._bar.setValue(thousandths)
        self._amount.setText(amount)
        self._bar.setAccessibleName(step)
        self._bar.setAccessibleDescription(amount)

    def _stage(self, stage: str) -> str:
        match stage:
            case "download":
                return self.tr("Downloading")
            case "verify":
                return self.tr("Verifying")
            case "convert":
                return self.tr("Converting")
            case "quantise":
                return self.tr("Making it smaller (quantising)")
            case "collect":
                return self.tr("Finding out which weights matter most (importance matrix)")
            case "sensitivity":
                return self.tr("Measuring what each type costs each tensor")
            case "measure":
                return self.tr("Comparing it with the original")
        return stage

    def _promise(self, stage: str) -> str:
        """Say what a pause costs in this stage."""
        match stage:
            case "collect" | "sensitivity":
                return self.tr("After a pause or a restart it goes on where it stopped.")
            case "measure":
                return self.tr("The files are ready. After a pause or a restart the measurement begins anew.")
        return self.tr(
            "Every file is verified by its checksum (SHA-256). A pause or a restart loses nothing."
        )

    def _count(self, progress: Progress, count: int) -> str:
        if progress.unit == "tokens":
            return self.tr("{count} tokens").format(count=f"{count:,}")
        return byte_count(count)

    def _waiting_text(self, view: JobView) -> str:
        match view.state:
            case "paused":
                return self.tr("Paused")
            case "waiting" if view.is_held:
                return self.tr("Waits until the models are moved")
            case "waiting":
                return self.tr("Waits for the job before it")
            case "done":
                return self.tr("Done")
        # Of a folder on this computer nothing is asked.
        is_here = Path(view.model).is_absolute()
        return self.tr("Starting") if is_here else self.tr("Asking the server")

    def _colour_icons(self) -> None:
        self._pause.setIcon(self._theme.icon("pause", "text"))
        self._resume.setIcon(self._theme.icon("play", "text"))
