"""A formula on a line of its own."""

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.base.formulas import FormulaPicture, FormulaRequest
from app.ui.base.theme import Theme
from app.ui.reply.rich_label import text_pixel_size

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
        self.waits_for_formulas = False
        """It is still to be drawn; `show_again` then."""
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        copy = self.addAction(self.tr("Copy LaTeX"))
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(self._latex))
        theme.changed.connect(self.show_again)

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
        painter = QPainter(self)
        if self._picture is not None and self._picture.tag:
            scale = self._scale(self.width())
            width, height = self._picture.width * scale, self._picture.height * scale
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(
                QRectF(round((self.width() - width) / 2), MARGIN_PX, width, height), self._picture.image
            )
        else:
            painter.setFont(self._theme.code_font())
            painter.setPen(self._theme.colour("muted"))
            area = QRectF(self.rect()).adjusted(0, MARGIN_PX, 0, 0)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop), self._latex)
        painter.end()

    def _scale(self, width: int) -> float:
        assert self._picture is not None
        return min(1.0, width / self._picture.width) if width else 1.0

    def _source_line(self) -> int:
        return round(self._theme.code_font().pointSizeF() * 1.9)
