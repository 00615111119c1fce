"""Measures the selected model's quantisations for the Models tab and shows what they cost."""

import asyncio
import threading

from PySide6.QtCore import QObject, Signal

from app.acquire.measurer import Measurer
from app.ui.models.list.model_rows import ModelRow
from app.ui.models.quality.quality_card import QualityCard
from app.ui.widgets.ui_context import UiContext
from models.quantisation.sizes import FULL_PRECISION
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
    ) -> None:
        super().__init__(parent)
        self._bridge = ui.bridge
        self._measurer = measurer
        self._settings = ui.settings
        self._notices = ui.notices
        self._models: list[InstalledModel] = []
        self._running = ""
        self._progress: Progress | None = None
        self._cancel = threading.Event()
        self.card = QualityCard(ui.theme, ui.plots)
        self.card.measure_asked.connect(self._on_measure)
        self.card.cancel_asked.connect(lambda: self._cancel.set())
        self.destroyed.connect(self._cancel.set)

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
        self.card.show_progress(self._progress if self._running == first.name else None)

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
        if self._models and not self._running:
            self._bridge.start(self._measure(list(self._models)))

    async def _measure(self, models: list[InstalledModel]) -> None:
        name = self._running = models[0].name
        self._cancel.clear()
        self._on_progress(Progress("measure", 0, 0))
        try:
            job = JobContext(self._bridge.wrap(self._on_progress), self._cancel)
            await asyncio.to_thread(self._measurer.measure, models, job)
        finally:
            self._cancel.set()  # also where the window was replaced and only the thread goes on
            self._running, self._progress = "", None
            if self._models and self._models[0].name == name:
                self.card.show_progress(None)
        self.measured.emit()

    def _on_progress(self, progress: Progress) -> None:
        if not self._running:
            return
        self._progress = progress
        if self._models and self._models[0].name == self._running:
            self.card.show_progress(progress)
