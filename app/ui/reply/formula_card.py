"""A formula on a line of its own."""

import math

from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.base.formulas import FormulaPicture, FormulaRequest
from app.ui.base.theme import Theme
from app.ui.reply.rich.rich_label import text_pixel_size

MARGIN_PX = 4


class FormulaCard(QWidget):
    """Shows a formula in the middle, smaller where it would be wider than the page. GUI thread only.

    Its source stands there until it is drawn, and stays where it cannot be drawn.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, muted: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        self._muted = muted
        self._latex = ""
        self._closed = True
        self._picture: FormulaPicture | None = None
        self._is_selected = False
        self.waits_for_formulas = False
        """It is still to be drawn; `show_again` then."""
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.show_again)

    @property
    def latex(self) -> str:
        """The formula without its delimiters."""
        return self._latex

    @property
    def is_drawn(self) -> bool:
        """Tell whether the picture is shown, not the source."""
        return self._picture is not None and bool(self._picture.tag)

    def set_formula(self, latex: str, *, closed: bool) -> None:
        """Show `latex`; one that is not `closed` is still coming in."""
        self._latex, self._closed = latex, closed
        self.setAccessibleName(latex)
        self.show_again()

    def show_again(self) -> None:
        """Draw anew: the theme changed, or the picture came."""
        colours = self._theme.colours
        colour = colours.muted if self._muted else colours.text
        request = FormulaRequest(self._latex, True, colour, text_pixel_size(self._theme, 0))
        self._picture = self._theme.formulas.picture(request) if self._closed else None
        self.waits_for_formulas = self._closed and self._picture is None
        self.update()

    def show_selected(self, start: int, end: int) -> None:
        """Show it as selected, which it is as a whole."""
        if self._is_selected != (start < end):
            self._is_selected = start < end
            self.update()

    def offset_at(self, point: QPoint) -> int:
        """Return 0 on its left half, 1 on its right half."""
        return int(point.x() > self._drawn_rect().center().x())

    def caret_rect(self, offset: int) -> QRect:
        """Return its left or its right edge."""
        drawn = self._drawn_rect().toRect()
        return QRect(drawn.right() if offset else drawn.left(), drawn.top(), 1, drawn.height())

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """A wide formula becomes smaller."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of the formula, or of its source."""
        if self._picture is not None and self._picture.tag:
            return math.ceil(self._picture.height * self._scale(width)) + 2 * MARGIN_PX
        return max(1, self._latex.count("\n") + 1) * self._source_line() + 2 * MARGIN_PX

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The picture, or the source in the code font."""
        with QPainter(self) as painter:
            drawn = self._drawn_rect()
            if self._is_selected:
                painter.fillRect(drawn, self.palette().brush(QPalette.ColorRole.Highlight))
            if self._picture is not None and self._picture.tag:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(drawn, self._picture.image)
            else:
                painter.setFont(self._theme.code_font())
                painter.setPen(self._theme.colour("muted"))
                corner = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
                painter.drawText(drawn, int(corner), self._latex)

    def _drawn_rect(self) -> QRectF:
        """The place of the picture, or of the source."""
        if self._picture is None or not self._picture.tag:
            return QRectF(self.rect()).adjusted(0, MARGIN_PX, 0, 0)
        scale = self._scale(self.width())
        width, height = self._picture.width * scale, self._picture.height * scale
        return QRectF(round((self.width() - width) / 2), MARGIN_PX, width, height)

    def _scale(self, width: int) -> float:
        assert self._picture is not None
        return min(1.0, width / self._picture.width) if width else 1.0

    def _source_line(self) -> int:
        return round(self._theme.code_font().pointSizeF() * 1.9)
