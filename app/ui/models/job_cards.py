"""The jobs of the Models tab: begun as the settings say, and shown as a card each above the list."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout

from app.acquire.build_options import NO_SIZE, FileSize
from app.acquire.jobs import JobBook, JobView
from app.ui.models.job_card import JobCard
from app.ui.models.job_following import cancel_job, follow_jobs
from app.ui.models.model_actions import ModelActions
from app.ui.widgets.scrolled_page import scroll_to
from app.ui.widgets.ui_context import UiContext
from models.catalogue.reference import Reference

_FINISHED = ("done", "cancelled", "gone")


class JobCards(QObject):
    """Cards in `place` of the jobs that are not finished; GUI thread.

    `changed` says that a job has come, gone or stopped. `built` gives the `InstalledModel`s of one that is
    done.
    """

    changed = Signal()
    built = Signal(object)

    def __init__(
        self,
        ui: UiContext,
        jobs: JobBook,
        actions: ModelActions,
        place: QVBoxLayout,
        page: QScrollArea,
    ) -> None:
        super().__init__(page)
        self._theme = ui.theme
        self._bridge = ui.bridge
        self._settings = ui.settings
        self._notices = ui.notices
        self._jobs = jobs
        self._actions = actions
        self._place = place
        self._page = page
        self._has_begun = False
        self._views: dict[str, JobView] = {}
        self._cards: dict[str, JobCard] = {}

    @property
    def views(self) -> tuple[JobView, ...]:
        """The jobs that are not finished."""
        if not self._has_begun:
            return tuple(view for view in self._jobs.jobs() if view.state not in _FINISHED)
        return tuple(self._views.values())

    def begin(self) -> None:
        """Show the jobs that are there, and follow them all from now on."""
        self._has_begun = True
        # First, so that no change is missed; one may have ended before the tab was made.
        follow_jobs(self._jobs, self._bridge, self._page, self._on_job)
        for view in self._jobs.jobs():
            self._on_job(view)

    def get(
        self,
        model: str,
        types: Sequence[str],
        size: FileSize = NO_SIZE,
        *,
        revision: str = "",
        title: str = "",
        reference: Reference | None = None,
    ) -> None:
        """Build types of a model, and one more file of `size`, as the settings say; `title` and `reference`
        as in `JobBook.add`."""
        values = self._settings.values
        view = self._jobs.add(
            model,
            types,
            revision=revision,
            keep_original=values.keep_original_weights,
            measure=values.measure_builds,
            weigh=values.weigh_builds,
            size=size,
            title=title,
            reference=reference,
        )
        self._reveal(view)

    def fetch(self, file: str, *, revision: str = "") -> None:
        """Get a finished file, which is taken as it is."""
        self._reveal(self._jobs.add(file, [], revision=revision))

    def _reveal(self, view: JobView) -> None:
        """Scroll to the card of a job that was just asked for: it stands above the list."""
        # It may have been cancelled before. What is told of jobs is no sign of that: it may be older.
        self._notices.withdraw(view.id)
        self._on_job(view)
        card = self._cards[view.id]
        # The button that was pressed goes. Not to "Pause": who presses the key twice would do that.
        card.setFocus()
        scroll_to(self._page, card)

    def _on_job(self, view: JobView) -> None:
        if view.state in _FINISHED:
            self._views.pop(view.id, None)
            card = self._cards.pop(view.id, None)
            if card is not None:
                self._actions.take_away(card)
            if view.state == "done":
                self._jobs.dismiss(view.id)
                self.built.emit(view.installed)
            self.changed.emit()
            return
        changed = view.id not in self._views or self._views[view.id].state != view.state
        self._views[view.id] = view
        self._show_job(view)
        if changed:
            self.changed.emit()

    def _show_job(self, view: JobView) -> None:
        card = self._cards.get(view.id)
        if card is None:
            card = self._cards[view.id] = JobCard(self._theme, self._notices, view)
            card.pause_asked.connect(self._jobs.pause)
            card.resume_asked.connect(self._jobs.resume)
            card.cancel_asked.connect(partial(cancel_job, self._jobs, self._notices))
            self._place.addWidget(card)
            # Now: it may get the keyboard at once.
            card.show()
        else:
            card.show_view(view)
