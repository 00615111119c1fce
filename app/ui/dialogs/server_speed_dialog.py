"""Measures a model elsewhere from here, and shows what came out."""

import asyncio
import statistics
import threading
from collections.abc import Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from app.bench.server_speed import ServerSpeed, measure_server
from app.engine.answering import Answers
from app.engine.messages import ModelInfo
from app.errors import Cancelled, StillroomError
from app.ui.bridge import Bridge
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.notices import translated


class ServerSpeedDialog(QDialog):
    """Begins at once; closing it ends what runs. GUI thread."""

    def __init__(
        self, answers: Answers, model: ModelInfo, bridge: Bridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._answers = answers
        self._model = model
        self._bridge = bridge
        self._cancel = threading.Event()
        self.setWindowTitle(self.tr("Speed of {model}").format(model=model.name))
        self.setMinimumWidth(520)
        self.state = label(self.tr("Asking {host} for some replies…").format(host=model.backend), wrap=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.windowTitle())
        self.first = self._figure()
        self.decoding = self._figure()
        form = QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(8)
        form.addRow(label(self.tr("First token"), "muted"), self.first)
        form.addRow(label(self.tr("Decoding"), "muted"), self.decoding)
        self._card = Card()
        self._card.body.addLayout(form)
        self._card.body.addWidget(
            label(
                self.tr(
                    "Measured on this side, with the way there and back. What the server does for others at "
                    "the same time is in it. It is not kept with the runs of models on this computer."
                ),
                "small",
                wrap=True,
            )
        )
        self._card.hide()
        self.copy = button(self.tr("Copy"))
        self.copy.clicked.connect(self._on_copy)
        self.copy.hide()
        self.leave = button(self.tr("Cancel"))
        self.leave.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addStretch(1)
        foot.addWidget(self.copy)
        foot.addWidget(self.leave)
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(16)
        body.addWidget(self.state)
        body.addWidget(self._bar)
        body.addWidget(self._card)
        body.addLayout(foot)
        bridge.start(self._run())

    def done(self, result: int) -> None:
        """End what runs."""
        self._cancel.set()
        super().done(result)

    @staticmethod
    def _figure() -> QLabel:
        return label("", selectable=True, wrap=True)

    async def _run(self) -> None:
        try:
            speed = await asyncio.to_thread(
                measure_server, self._answers, self._model, self._bridge.wrap(self._on_progress), self._cancel
            )
        except Cancelled:
            return
        except StillroomError as error:
            if not self._cancel.is_set():
                set_look(self.state, "danger")
                self._end(" ".join(text for text in translated(error) if text))
            return
        if not self._cancel.is_set():
            self._show(speed)

    def _on_progress(self, done: int, total: int) -> None:
        if not self._cancel.is_set():
            self._bar.setRange(0, total)
            self._bar.setValue(done)

    def _show(self, speed: ServerSpeed) -> None:
        self.first.setText(
            self.tr("{median} s, {low} to {high} s · {count} times, prompt of {tokens} tokens").format(
                **_spread(speed.ttft_s, 3), tokens=f"{speed.prompt_tokens:,}"
            )
        )
        self.decoding.setText(
            self.tr("{median} tokens/s, {low} to {high} · {count} times, {tokens} tokens each").format(
                **_spread(speed.decode_tok_per_s, 1),
                tokens=f"{round(statistics.median(speed.decode_tokens)):,}",
            )
        )
        self._card.show()
        self.copy.show()
        self._end(self.tr("{model} on {host}").format(model=self._model.name, host=self._model.backend))

    def _end(self, text: str) -> None:
        self.state.setText(text)
        self._bar.hide()
        self.leave.setText(self.tr("Close"))
        self.adjustSize()

    def _on_copy(self) -> None:
        lines = [self.state.text(), self.first.text(), self.decoding.text()]
        QGuiApplication.clipboard().setText("\n".join(lines))


def _spread(values: Sequence[float], digits: int) -> dict[str, str]:
    return {
        "median": f"{statistics.median(values):,.{digits}f}",
        "low": f"{min(values):,.{digits}f}",
        "high": f"{max(values):,.{digits}f}",
        "count": str(len(values)),
    }
