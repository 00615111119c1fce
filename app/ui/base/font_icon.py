"""Icons that are letters of the Phosphor font, in colours by state, drawn once.

QtAwesome does the same; its bindings make a class of each name of Qt, a fifth of a second at every start.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QIconEngine, QPainter, QPixmap

FAMILY = "Phosphor"
LETTER_SHARE = 0.875
"""Height of a letter's square in that of its icon, so that the strokes of 16 pixels lie on whole ones."""


@dataclass(frozen=True, slots=True)
class IconColours:
    """The colours of a button's icon by state, as CSS writes them."""

    usual: str
    active: str
    """Checked, hovered or selected."""
    disabled: str

    def of(self, mode: QIcon.Mode, state: QIcon.State) -> str:
        """The colour in a mode and a state of Qt."""
        if mode == QIcon.Mode.Disabled:
            return self.disabled
        return self.usual if (mode, state) == (QIcon.Mode.Normal, QIcon.State.Off) else self.active


class FontIcon(QIconEngine):
    """Keeps its pixmaps, in each size and state that was asked for. GUI thread."""

    def __init__(self, name: str, colours: IconColours, shift: float = 0) -> None:
        """`name` as Phosphor has it, such as "chat-text"; `shift` moves the drawing to the left, by that part
        of its width. Raises `KeyError` for a name that is not in the font."""
        super().__init__()
        self._name, self._colours, self._shift = name, colours, shift
        self._letter = _letters()[name]
        self._pixmaps: dict[tuple[int, int, QIcon.Mode, QIcon.State], QPixmap] = {}

    def clone(self) -> QIconEngine:
        """For a copy of the icon that is changed."""
        return FontIcon(self._name, self._colours, self._shift)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """The icon in `size` pixels of the device."""
        key = (size.width(), size.height(), mode, state)
        kept = self._pixmaps.get(key)
        if kept is None:
            kept = self._pixmaps[key] = QPixmap(size)
            kept.fill(Qt.GlobalColor.transparent)
            with QPainter(kept) as painter:
                self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        return kept

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw it as large as `rect`, for whoever paints the icon itself."""
        painter.save()
        font = QFont(FAMILY)
        font.setPixelSize(max(1, round(LETTER_SHARE * rect.height())))
        painter.setFont(font)
        painter.setPen(QColor(self._colours.of(mode, state)))
        shifted = rect.translated(round(-self._shift * rect.width()), 0)
        painter.drawText(shifted, Qt.AlignmentFlag.AlignCenter, self._letter)
        painter.restore()


@cache
def _letters() -> dict[str, str]:
    """The letter of each icon by its name."""
    text = files("resources").joinpath("fonts", "Phosphor.json").read_text(encoding="utf-8")
    return {name: chr(int(code, 16)) for name, code in json.loads(text).items()}
