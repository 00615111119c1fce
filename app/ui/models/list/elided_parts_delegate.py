"""Draw a cell's text up to the last part that fits whole."""

import math
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex
from PySide6.QtGui import QFontMetrics, QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.ui.widgets.elided_label import fitted_name

Index = QModelIndex | QPersistentModelIndex
DOT = " · "


class ElidedPartsDelegate(QStyledItemDelegate):
    """For texts of several parts, the most important first. Where `counts`, it says how many are left out."""

    def __init__(self, joint: str, parent: QWidget, *, counts: bool = False) -> None:
        super().__init__(parent)
        self._joint = joint
        self._counts = counts
        self._room_px: int | None = None
        self._margins_px: int | None = None
        """Of a cell, which are the same for all of them."""

    def forget_margins(self) -> None:
        """Measure the margins of a cell anew: its style is another one."""
        self._margins_px = None

    def needed_px(self, text: str, parts: int, metrics: QFontMetrics) -> int:
        """Return the width of the first `parts` of a text, without the margins of a cell."""
        return metrics.horizontalAdvance(self._shortened(text.split(self._joint), parts))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw as many parts as there is room for."""
        if self._margins_px is None:
            # A style rounds it up.
            text_px = math.ceil(QFontMetricsF(option.font).horizontalAdvance(str(index.data() or "")))
            self._margins_px = self.sizeHint(option, index).width() - text_px
        self._room_px = option.rect.width() - self._margins_px
        super().paint(painter, option, index)
        self._room_px = None

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802 - Qt's name
        """Shorten the text that is drawn, and not the one whose size is asked for."""
        super().initStyleOption(option, index)
        if self._room_px is not None:
            option.text = self.fitting(option.text, option.fontMetrics, self._room_px)

    def fitting(self, text: str, metrics: QFontMetrics, room_px: int) -> str:
        """Return as many parts as fit, at least one."""
        parts = text.split(self._joint)
        for count in range(len(parts), 1, -1):
            shown = self._shortened(parts, count)
            if metrics.horizontalAdvance(shown) <= room_px:
                return shown
        return self._shortened(parts, 1)

    def _shortened(self, parts: Sequence[str], count: int) -> str:
        shown = self._joint.join(parts[:count])
        left_out = len(parts) - count
        return f"{shown} +{left_out}" if self._counts and left_out > 0 else shown


class NameDelegate(ElidedPartsDelegate):
    """For names of models: where one has no room its owner goes first, then its middle."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("/", parent)

    def fitting(self, text: str, metrics: QFontMetrics, room_px: int) -> str:
        """Return as much of the name as fits."""
        return fitted_name(text, metrics, room_px)
