"""The context as a slider over powers of two, with the exact number beside it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.settings import LIMITS
from app.ui.base.resource_words import setting_words
from app.ui.widgets.card import NUMBER_MARGINS_PX
from app.ui.widgets.wheel_proof import Slider, SpinBox

SMALLEST_TOKENS = 1024
NUMBER_WIDTH_PX = 116
SLIDER_PX = 140
"""With less its stops lie too close to be aimed at."""


class ContextSlider(QWidget):
    """Chooses tokens up to a limit; the left end, 0, is automatic. GUI thread."""

    changed = Signal(int)
    """The tokens, 0 for automatic."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stops: list[int] = [0]
        self._slider = Slider(Qt.Orientation.Horizontal)
        self._slider.setPageStep(1)
        self._slider.setMinimumWidth(SLIDER_PX)
        self._number = SpinBox()
        self._number.setRange(0, int(LIMITS["context_tokens"][1]))
        self._number.setSingleStep(1024)
        self._number.setSpecialValueText(setting_words("auto"))
        self._number.setGroupSeparatorShown(True)
        self._number.setFixedWidth(NUMBER_WIDTH_PX)
        self._number.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self._slider, 1)
        row.addWidget(self._number)
        self.setFocusProxy(self._slider)
        self.set_limit(int(LIMITS["context_tokens"][1]) >> 3)
        self._slider.valueChanged.connect(self._on_slid)
        self._number.valueChanged.connect(self._on_number)

    @property
    def slider_width_px(self) -> int:
        """The width that the stops share."""
        return self._slider.width()

    def setAccessibleName(self, name: str) -> None:  # noqa: N802 - Qt's name
        """Both parts have the name."""
        super().setAccessibleName(name)
        self._slider.setAccessibleName(name)
        self._number.setAccessibleName(name)

    def tokens(self) -> int:
        """Return the chosen number of tokens."""
        return self._number.value()

    def set_tokens(self, tokens: int) -> None:
        """Choose so many."""
        self._number.setValue(tokens)

    def set_limit(self, tokens: int) -> None:
        """The slider's right end; a number beyond it can still be typed."""
        stops = [0]
        power = SMALLEST_TOKENS
        while power < tokens:
            stops.append(power)
            power *= 2
        stops.append(tokens)
        if stops == self._stops or tokens <= 0:
            return
        self._stops = stops
        self._slider.blockSignals(True)
        self._slider.setRange(0, len(stops) - 1)
        self._slider.blockSignals(False)
        self._place()

    def _on_slid(self, stop: int) -> None:
        self._number.setValue(self._stops[stop])

    def _on_number(self, tokens: int) -> None:
        self._place()
        self.changed.emit(tokens)

    def _place(self) -> None:
        """The slider at the stop that is nearest to the number, without moving the number."""
        tokens = self._number.value()
        nearest = min(range(len(self._stops)), key=lambda stop: abs(self._stops[stop] - tokens))
        self._slider.blockSignals(True)
        self._slider.setValue(nearest)
        self._slider.blockSignals(False)
