"""The first minutes: the model for this computer, with the reasons, in one click, until it answers."""

from functools import partial

import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.acquire.jobs import JobBook, JobView
from app.settings import SettingsFile
from app.ui.models.job_card import JobCard
from app.ui.models.job_following import cancel_job, follow_jobs
from app.ui.models.machine_advice import MachineAdvice
from app.ui.models.recommendation_card import RecommendationCard
from app.ui.widgets.card import button, label
from app.ui.widgets.ui_context import UiContext
from models.catalogue.catalogue import catalogue, find
from models.store.store import ModelStore

_ENDED = ("cancelled", "gone")


class FirstRun(QObject):
    """The offer of a first model in an empty chat as long as no model that thinks is on the disk. GUI thread.

    It never comes back once such a model is there or the user does not want it.
    """

    load_asked = Signal(object)
    """The model that was got here: an `InstalledModel`."""
    keyboard_left = Signal()
    """The control that had the keyboard is about to go."""

    def __init__(
        self,
        ui: UiContext,
        advice: MachineAdvice,
        store: ModelStore,
        jobs: JobBook,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._theme = ui.theme
        self._advice = advice
        self._store = store
        self._jobs = jobs
        self._settings = ui.settings
        self._notices = ui.notices
        self._session = ui.session
        self._job: JobCard | None = None
        self._job_id = ""
        self._stopped = self._is_over = False
        self.card = RecommendationCard(ui.theme)
        self.card.get_asked.connect(self._on_get)
        self.page = QWidget()
        self._column = QVBoxLayout(self.page)
        self._column.setContentsMargins(0, 16, 0, 0)
        self._column.setSpacing(8)
        self._column.addWidget(self.card)
        text = self.tr(
            "Stillroom downloads the original model and makes a smaller one of it that suits this PC. The "
            "Models tab has all the others."
        )
        if any(model.bundled for model in store.present.models):
            text = self.tr(
                "Stillroom downloads the original model and makes a smaller one of it that suits this "
                "PC. Meanwhile you can talk to the small starter model. The Models tab has all the "
                "others."
            )
        hint = label(text, "small", wrap=True)
        later = button(self.tr("Not now"), "quiet")
        later.clicked.connect(self._end)
        foot = QHBoxLayout()
        foot.addWidget(hint, 1)
        foot.addWidget(later)
        self._column.addLayout(foot)
        advice.changed.connect(self.refresh)
        advice.learn_memory_speed()
        follow_jobs(jobs, ui.bridge, self.page, self.take_job)
        for view in jobs.jobs():
            self.take_job(view)
        self.refresh()

    @staticmethod
    def is_wanted(settings: SettingsFile, store: ModelStore) -> bool:
        """Tell whether no model that thinks is on the disk and the user has not declined."""
        thinking = {model.key for model in catalogue() if model.thinks}
        return not settings.values.first_run_over and not any(
            model.key in thinking for model in store.present.models
        )

    def refresh(self) -> None:
        """Show what is advised now."""
        advisor = self._advice.advisor(())
        found = advisor.recommendation() if advisor is not None else None
        if advisor is None:
            self.card.show_looking()
        elif found is None:
            self.card.show_none()
        elif self._advice.waits_with(found):
            self.card.show_measuring()
        else:
            outlook = advisor.outlook(found.model, found.fit.quantisation)
            there = self._job is not None
            self.card.show_recommendation(
                found,
                outlook,
                None,
                getting=there and not self._stopped,
                stopped=there and self._stopped,
                loaded=False,
                answers=False,
            )

    def _on_get(self, key: str, types: list[str]) -> None:
        values = self._settings.values
        view = self._jobs.add(
            key,
            types,
            keep_original=values.keep_original_weights,
            measure=values.measure_builds,
            weigh=values.weigh_builds,
        )
        # It may have been cancelled before.
        self._notices.withdraw(view.id)
        self._job_id = view.id
        self._show_job(view)
        if self._job is not None:
            # The button that was pressed has gone, and what is next to it would end all this. Not to "Pause":
            # who presses the key twice would do that.
            self._job.setFocus()

    def take_job(self, view: JobView) -> None:
        """Follow a job as it is now, where it makes the model that was offered."""
        if self._is_first_model(view):
            self._job_id = view.id
        if view.id != self._job_id:
            return
        if view.state == "done" and view.installed:
            if self.answers_with(view):
                self.load_asked.emit(view.installed[0])
            self._end()
        elif view.state == "done" or view.state in _ENDED:
            self._show_job(None)
        else:
            self._show_job(view)

    def answers_with(self, view: JobView) -> bool:
        """Tell whether the model of a job is loaded here by itself once it is there: not while a benchmark
        has the memory for itself."""
        if self._session.reserved_for:
            return False
        return (view.id == self._job_id or self._is_first_model(view)) and shiboken6.isValid(self.page)

    def _is_first_model(self, view: JobView) -> bool:
        """Tell whether a job, which may be another page's, is the first to get a model such as is offered
        here: what else is made does not answer by itself, nor does any once that is declined."""
        if self._job_id or self._is_over:
            return False
        model = find(view.model)
        return model is not None and model.thinks

    def _show_job(self, view: JobView | None) -> None:
        changed = view is not None and view.stopped != self._stopped
        self._stopped = view is not None and view.stopped
        if view is None:
            self._job_id = ""
            if self._job is not None:
                self._leave(self._job)
                self._job.hide()
                self._job.deleteLater()
                self._job = None
            self.refresh()
        elif self._job is None:
            self._job = JobCard(self._theme, self._notices, view)
            self._job.pause_asked.connect(self._jobs.pause)
            self._job.resume_asked.connect(self._jobs.resume)
            self._job.cancel_asked.connect(partial(cancel_job, self._jobs, self._notices))
            self._column.insertWidget(1, self._job)
            # Now: it may get the keyboard at once.
            self._job.show()
            self.refresh()
        else:
            self._job.show_view(view)
            if changed:
                self.refresh()

    def _leave(self, going: QWidget) -> None:
        """Let the keyboard go on elsewhere than in what is going."""
        here = going.window().focusWidget()
        if here is going or (here is not None and going.isAncestorOf(here)):
            self.keyboard_left.emit()

    def _end(self) -> None:
        self._is_over = True
        self._leave(self.page)
        self.page.hide()
        self._settings.change(first_run_over=True)
