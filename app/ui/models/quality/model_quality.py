"""Measures the selected model's quantisations for the Models tab and shows what they cost."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.acquire.measurer import Measurer
from app.ui.base.lasting_job import LastingJob, fail
from app.ui.models.list.model_rows import ModelRow
from app.ui.models.quality.quality_card import QualityCard
from app.ui.widgets.ui_context import UiContext
from models.quantisation.quantisation_types import FULL_PRECISION
from models.store.store import InstalledModel
from models.system.progress import JobContext, Progress


class ModelQuality(QObject):
    """Owns the card; GUI thread. One model is measured at a time; `measured` says that one is done."""

    measured = Signal()

    def __init__(
        self,
        ui: UiContext,
        measurer: Measurer,
        parent: QObject,
        page: QWidget | None = None,
        *,
        job: LastingJob | None = None,
    ) -> None:
        """Without a `job` it has one of its own, which ends with it."""
        super().__init__(parent)
        self._bridge = ui.bridge
        self._measurer = measurer
        self._settings = ui.settings
        self._notices = ui.notices
        self._models: list[InstalledModel] = []
        self._job = job or LastingJob(ui.session, ui.bridge, self, reserves="")
        self.card = QualityCard(ui.theme, ui.plots, page)
        self.card.measure_asked.connect(self._on_measure)
        self.card.cancel_asked.connect(self._job.cancel)
        self._job.began.connect(self._show_progress)
        self._job.progressed.connect(self._show_progress)
        self._job.ended.connect(self._on_ended)

    def show_row(self, row: ModelRow | None) -> None:
        """Show a model of the list; nothing where none of its quantised files is on disk."""
        installed = row.installed if row is not None else ()
        self._models = [model for model in installed if model.type not in FULL_PRECISION]
        self.card.setVisible(bool(self._models))
        if not self._models or row is None:
            return
        here = any(model.type in FULL_PRECISION for model in installed)
        fetched = row.model.checkpoint_bytes if row.model is not None and not here else 0
        first = self._models[0]
        self.card.show_models(
            self._models,
            self._settings.values.accuracy_loss_gate_percent,
            possible=here or self._measurer.can_fetch_reference(first),
            download_bytes=fetched,
        )
        self._show_progress()

    def warn(self, models: tuple[InstalledModel, ...]) -> None:
        """Say of models that were just built where they lost more than the user allows."""
        gate_percent = self._settings.values.accuracy_loss_gate_percent
        for model in models:
            quality = model.quality
            if quality is not None and quality.accuracy_loss_percent > gate_percent:
                self._notices.warn(
                    self.tr(
                        "The perplexity of {model} is {loss}% higher than its original's, more than the "
                        "{limit}% that you allow. A larger size stays closer to it."
                    ).format(
                        model=f"{model.name} {model.type}",
                        loss=f"{quality.accuracy_loss_percent:.1f}",
                        limit=f"{gate_percent:g}",
                    )
                )

    def _on_measure(self) -> None:
        models = list(self._models)
        if models and not self._job.running:
            measurer, tell = self._measurer, self._job.tell
            self._job.start(lambda cancel: measurer.measure(models, JobContext(tell, cancel)), models[0].name)

    def _show_progress(self, *_: object) -> None:
        """Show how far the measuring of the model that is shown is."""
        job, shown = self._job, self._models
        if not shown or not job.running or job.model != shown[0].name:
            self.card.show_progress(None)
            return
        told = job.progress
        self.card.show_progress(told if isinstance(told, Progress) else Progress("measure", 0, 0))

    def _on_ended(self, _: object, failure: Exception | None) -> None:
        self._show_progress()
        if failure is None:
            self.measured.emit()
        else:
            self._bridge.start(fail(failure))
