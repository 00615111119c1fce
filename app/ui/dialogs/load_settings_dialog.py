"""How a model is loaded: context, threads, layers on the GPU, cache type."""

from typing import get_args

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QFormLayout, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from app.engine.messages import KvType, LoadSettings
from app.settings import LIMITS
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label


class LoadSettingsDialog(QDialog):
    """Edits a `LoadSettings`; `applied` carries the new one."""

    applied = Signal(object)

    def __init__(self, present: LoadSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._present = present
        self.setWindowTitle(self.tr("How the model is loaded"))
        self.setMinimumWidth(480)
        automatic = self.tr("automatic")
        self._context = _number("context_tokens", 1024, automatic)
        self._gpu_layers = _number("gpu_layers", 1, automatic)
        self._threads = _number("threads", 1, automatic)
        self._kv = QComboBox()
        self._kv.addItems(list(get_args(KvType)))
        self._flash = QComboBox()
        for value, text in (
            ("auto", automatic),
            ("on", self.tr("on")),
            ("off", self.tr("off")),
        ):
            self._flash.addItem(text, value)

        form = QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(10)
        rows: list[tuple[str, QWidget, str]] = [
            (
                self.tr("Context"),
                self._context,
                self.tr("Tokens that the model can see at once. More needs more memory."),
            ),
            (
                self.tr("GPU layers"),
                self._gpu_layers,
                self.tr("Layers that run on the graphics card. Automatic takes as many as fit."),
            ),
            (
                self.tr("Threads"),
                self._threads,
                self.tr("Processor threads. Automatic takes one for each physical core."),
            ),
            (
                self.tr("Cache type"),
                self._kv,
                self.tr("q8_0 halves the memory of the context at a hardly measurable loss."),
            ),
            (
                self.tr("Flash attention"),
                self._flash,
                self.tr("Faster and smaller where the device can do it."),
            ),
        ]
        for title, field, explanation in rows:
            field.setAccessibleName(title)
            field.setToolTip(explanation)
            cell = QVBoxLayout()
            cell.setSpacing(2)
            cell.addWidget(field)
            cell.addWidget(label(explanation, "small", wrap=True))
            form.addRow(label(title), cell)
        card = Card()
        card.body.addLayout(form)
        defaults = button(self.tr("Defaults"), "quiet")
        defaults.clicked.connect(lambda: self._show(LoadSettings()))
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        apply = button(self.tr("Apply and load again"), "primary")
        apply.setObjectName("apply")
        apply.setDefault(True)
        apply.clicked.connect(self._apply)
        buttons = QHBoxLayout()
        buttons.addWidget(defaults)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(apply)
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(16)
        body.addWidget(card)
        body.addLayout(buttons)
        self._show(present)

    def _show(self, settings: LoadSettings) -> None:
        self._context.setValue(settings.context_tokens)
        self._gpu_layers.setValue(settings.gpu_layers)
        self._threads.setValue(settings.threads)
        self._kv.setCurrentText(settings.kv_type)
        self._flash.setCurrentIndex(self._flash.findData(settings.flash_attention))

    def _apply(self) -> None:
        self.applied.emit(
            msgspec.structs.replace(
                self._present,
                context_tokens=self._context.value(),
                gpu_layers=self._gpu_layers.value(),
                threads=self._threads.value(),
                kv_type=self._kv.currentText(),
                flash_attention=self._flash.currentData(),
            )
        )
        self.accept()


def _number(name: str, step: int, lowest_text: str) -> QSpinBox:
    field = QSpinBox()
    low, high = LIMITS[name]
    field.setRange(int(low), int(high))
    field.setSingleStep(step)
    field.setSpecialValueText(lowest_text)
    field.setGroupSeparatorShown(True)
    field.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
    return field
