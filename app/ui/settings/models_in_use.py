"""Tell who uses the files of the models, which are not moved or deleted then."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.acquire.jobs import JobBook
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession, model_name
from app.ui.base.lasting_job import LastingJobs
from app.ui.base.resource_words import enumerated
from models.store.store import ModelStore


class ModelsInUse(QObject):
    """Knows what works with the files. GUI thread."""

    changed = Signal()
    """The answer may be another one."""

    def __init__(
        self, session: EngineSession, store: ModelStore, jobs: JobBook, lasting: LastingJobs, bridge: Bridge
    ) -> None:
        super().__init__(bridge)
        self._session = session
        self._store = store
        self._jobs = jobs
        self._lasting = lasting
        for told in (
            session.loaded,
            session.load_failed,
            session.models_changed,
            session.unloaded,
            session.engine_died,
            session.reservation_changed,
            lasting.closeness.began,
            lasting.closeness.stopped,
        ):
            told.connect(self._tell)
        session.loading.connect(self._on_loading)
        jobs.observe(bridge.wrap(self._tell))

    def refusal(self) -> str:
        """Say why the models cannot be moved now; empty where they can."""
        root = self._store.root
        loaded = [model_name(info) for info in self._session.models if Path(info.path).is_relative_to(root)]
        if self._session.reserved_for or self._lasting.closeness.running:
            return self.tr("A model is being measured: wait for the end, or stop it.")
        if loaded:
            return self.tr("Unload {models} first: files in use are not moved.").format(
                models=enumerated(loaded)
            )
        if self._session.loading_path:
            return self.tr("A model is being loaded: wait until it is there, and unload it.")
        if any(job.state in ("running", "waiting") for job in self._jobs.jobs()):
            return self.tr("A model is being got: wait for it, or pause it in the Models tab first.")
        return ""

    def _on_loading(self, _path: str, fraction: float) -> None:
        if not fraction:
            self._tell()

    def _tell(self, *_: object) -> None:
        self.changed.emit()
