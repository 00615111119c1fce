"""Fields that leave the mouse wheel to the page around them.

Qt lets the wheel choose in them and gives them the keyboard, also while somebody scrolls a page and one comes
below the mouse: load settings would change without a word.
"""

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSlider, QSpinBox, QWidget

BY_CLICK_AND_TAB = Qt.FocusPolicy.StrongFocus


class _LeavesWheel:
    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Let the page scroll."""
        event.ignore()


class ComboBox(_LeavesWheel, QComboBox):
    """A choice that is made by click or key."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(BY_CLICK_AND_TAB)


class SpinBox(_LeavesWheel, QSpinBox):
    """A whole number that is changed by click or key."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(BY_CLICK_AND_TAB)


class DoubleSpinBox(_LeavesWheel, QDoubleSpinBox):
    """A number that is changed by click or key."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(BY_CLICK_AND_TAB)


class Slider(_LeavesWheel, QSlider):
    """A place between two ends that is moved by the mouse's button or by key."""

    def __init__(self, orientation: Qt.Orientation, parent: QWidget | None = None) -> None:
        super().__init__(orientation, parent)
        self.setFocusPolicy(BY_CLICK_AND_TAB)
