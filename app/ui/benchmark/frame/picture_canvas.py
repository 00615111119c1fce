"""Draw pictures for sharing: one size, cards, lines of text."""

from collections.abc import Callable

from PySide6.QtCore import QBuffer, QIODevice, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen

from app.ui.base.theme import UI_FAMILIES, Theme

WIDTH, HEIGHT = 1200, 630
"""The size that social sites and chats show without cutting."""

MARGIN, GAP = 48, 16


def draw_png(theme: Theme, draw: Callable[["Canvas"], None]) -> bytes:
    """The picture that `draw` makes, as PNG. GUI thread."""
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_ARGB32)
    image.fill(theme.colour("ground"))
    with QPainter(image) as painter:
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        draw(Canvas(painter, theme))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    # PySide's stub wants the format as bytes.
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


class Canvas:
    """A picture under way, in the theme's colours."""

    def __init__(self, painter: QPainter, theme: Theme) -> None:
        self.painter = painter
        self._theme = theme

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """A card to write on."""
        self.painter.setPen(QPen(self._theme.colour("line"), 1))
        self.painter.setBrush(self._theme.colour("surface"))
        self.painter.drawRoundedRect(QRectF(x, y, width, height), 10, 10)

    def text(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        text: str,
        size_px: int,
        colour: str,
        *,
        bold: bool = False,
        centred: bool = False,
    ) -> float:
        """Draw a line of text, shortened where it does not fit; where it ends."""
        self._take_pen(size_px, colour, bold=bold)
        metrics = self.painter.fontMetrics()
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(width))
        side = Qt.AlignmentFlag.AlignHCenter if centred else Qt.AlignmentFlag.AlignLeft
        self.painter.drawText(QRectF(x, y, width, height), int(side | Qt.AlignmentFlag.AlignVCenter), shown)
        return x + metrics.horizontalAdvance(shown)

    def paragraph(self, area: QRectF, text: str, size_px: int, colour: str) -> float:
        """Draw a text in as many lines as it takes, those that `area` has room for; where it ends below."""
        self._take_pen(size_px, colour, bold=False)
        needed = self.painter.drawText(area, int(Qt.TextFlag.TextWordWrap), text)
        return area.y() + min(area.height(), needed.height())

    def _take_pen(self, size_px: int, colour: str, *, bold: bool) -> None:
        font = QFont()
        font.setFamilies(UI_FAMILIES)
        font.setPixelSize(size_px)
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        self.painter.setFont(font)
        self.painter.setPen(QColor(self._theme.colour(colour)))
