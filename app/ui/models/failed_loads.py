"""The models whose last load failed: which they are, and the reason below the list."""

from PySide6.QtCore import QObject, Signal

from app.base.errors import StillroomError
from app.engine.protocol import ModelInfo
from app.ui.models.list.models_list import ModelsList
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.ui_context import UiContext


class FailedLoads(QObject):
    """Follows the loads of files that the list has, and keeps a line in `failures` about each that failed,
    until it succeeds; GUI thread. `changed` says that `paths` are others."""

    changed = Signal()

    def __init__(self, ui: UiContext, listed: ModelsList, failures: InlineNotices, parent: QObject) -> None:
        super().__init__(parent)
        self._notices = ui.notices
        self._list = listed
        self._failures = failures
        self._loading = ""
        self._paths: set[str] = set()
        ui.session.loading.connect(self._on_loading)
        ui.session.loaded.connect(self._on_loaded)
        ui.session.load_failed.connect(self._on_load_failed)

    @property
    def paths(self) -> frozenset[str]:
        """The files whose last load failed."""
        return frozenset(self._paths)

    def _on_loading(self, path: str, _fraction: float) -> None:
        self._loading = path

    def _on_loaded(self, info: ModelInfo) -> None:
        if info.path in self._paths:
            self._paths.discard(info.path)
            self._failures.mend(f"load {info.path}", self._key_of(info.path))
            self.changed.emit()

    def _on_load_failed(self, error: BaseException) -> None:
        """Mark the model's row, and say the reason below it; whoever loads says it at once."""
        key = self._key_of(self._loading)
        if not key or not isinstance(error, StillroomError):
            return
        self._paths.add(self._loading)
        told = self._notices.told(error)
        self._failures.add(told, f"load {self._loading}", key)
        self.changed.emit()

    def _key_of(self, path: str) -> str:
        """The key of the row that has a file; empty where none has."""
        rows = self._list.rows
        return next((row.key for row in rows if path in (str(file.path) for file in row.installed)), "")
