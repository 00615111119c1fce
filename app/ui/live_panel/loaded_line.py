"""The loaded model and where it runs, at the foot of the live panel."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.base.errors import EngineError, StillroomError
from app.engine.protocol import ModelInfo
from app.ui.base.engine_session import EngineSession, model_name
from app.ui.base.resource_words import enumerated
from app.ui.widgets.card import label, set_look
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.notices import error_text, notice_text


class LoadedLine(QWidget):
    """The model, its quantisation and back end; its layers on the GPU; what the user should know about it."""

    def __init__(self, session: EngineSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._loading = ""
        self._failed = False
        self._dot = label("●", "muted")
        # Type and back end stand at its end.
        self._name = ElidedLabel(model=True)
        self._where = label("", "small", wrap=True)
        self._notice = label("", "warning", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._dot)
        row.addWidget(self._name, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._notice)
        layout.addLayout(row)
        layout.addWidget(self._where)
        session.loading.connect(self._on_loading)
        session.loaded.connect(self._on_loaded)
        session.models_changed.connect(self._on_models_changed)
        session.rested.connect(self._on_rested)
        session.unloaded.connect(self._on_unloaded)
        session.load_failed.connect(self._on_load_failed)
        session.engine_died.connect(self._on_died)
        session.model_expected.connect(self._on_expected)
        session.reservation_changed.connect(self._on_expected)
        if session.info is not None:
            self._on_loaded(session.info)
        else:
            self._on_unloaded()

    def _on_loading(self, path: str, fraction: float) -> None:
        self._loading = self._session.title(path)
        notice = self._session.load_notice
        self._show(
            "warning",
            self.tr("Loading {percent}%").format(percent=int(100 * fraction)),
            self._loading,
            "" if notice is None else notice_text(notice),
        )

    def _on_loaded(self, info: ModelInfo) -> None:
        if self._session.answers_elsewhere:
            where = self.tr("Not on this computer: on {host}. Its speed is measured from here.")
            self._show("warning", info.name, where.format(host=info.backend))
            return
        name = " · ".join(part for part in (info.name, info.quantisation, info.backend) if part)
        if info.gpu_layers:
            where = self.tr("{on_gpu} of {layers} layers on the GPU").format(
                on_gpu=info.gpu_layers, layers=max(info.layers, info.gpu_layers)
            )
        else:
            where = self.tr("All {layers} layers on the processor, {threads} threads").format(
                layers=info.layers, threads=info.threads
            )
        others = [model_name(other) for other in self._session.models if other.path != info.path]
        if others:
            where += "\n" + self.tr("Also loaded: {models}").format(models=enumerated(others))
        self._show("good", name, where, "\n".join(notice_text(notice) for notice in info.notices))

    def _on_models_changed(self) -> None:
        if self._session.info is not None:
            self._on_loaded(self._session.info)

    def _on_rested(self, info: ModelInfo) -> None:
        self._show(
            "muted",
            info.name,
            self.tr(
                "It was not used for a while, so its memory is free again. The next message loads "
                "it by itself."
            ),
        )

    def _on_unloaded(self, *_: object) -> None:
        if self._session.loading_path:
            self._on_loading(self._session.loading_path, 0.0)
            return
        if self._session.reserved_for:
            self._show("muted", self.tr("Measuring…"), self.tr("Nothing is loaded in this step."))
            return
        if self._session.expects_model:
            self._show("muted", self.tr("Starting…"), "")
            return
        self._show("muted", self.tr("No model loaded"), self.tr("Choose one above to start."))

    def _on_expected(self, *_: object) -> None:
        # The reason of a load that failed stays.
        if self._session.info is None and not self._failed:
            self._on_unloaded()

    def _on_load_failed(self, error: BaseException) -> None:
        if not isinstance(error, StillroomError):
            # It was stopped; the model of before may have stayed in memory.
            if self._session.info is None:
                self._on_unloaded()
            else:
                self._on_loaded(self._session.info)
            return
        name = self.tr("{model} could not be loaded").format(model=self._loading)
        self._show("danger", name, error_text(error, "\n"))
        self._failed = True

    def _on_died(self, error: EngineError) -> None:
        self._show("danger", self.tr("The engine stopped"), error_text(error, "\n"))

    def _show(self, look: str, name: str, where: str, notice: str = "") -> None:
        self._failed = False
        set_look(self._dot, look)
        self._name.setText(name)
        self._where.setText(where)
        self._notice.setText(notice)
        self._notice.setVisible(bool(notice))
