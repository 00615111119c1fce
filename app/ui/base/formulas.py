"""Formulas as pictures in rich text, drawn on a thread of their own and kept."""

import base64
import logging
import math
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QBuffer, QByteArray, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QFontMetricsF, QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from app.base.children import child_command
from app.base.threads import OneByOne
from app.chat.markdown.formula import FormulaSvg
from app.chat.markdown.formula_process import FormulaProcess
from app.ui.base.bridge import Bridge

log = logging.getLogger(__name__)

KEPT = 1000
SIZE = 1.15
"""Of the text's size: then the letters of the formula font are as high as those of the text."""
HIGHEST_TEXT = 1.2
"""Of the font's ascent: so high are the Chinese characters of another font in the same line."""


@dataclass(frozen=True, slots=True)
class FormulaRequest:
    """A formula in one look; `display` sets it apart from the text."""

    latex: str
    display: bool
    colour: str
    text_pixel_size: float


@dataclass(frozen=True, slots=True)
class FormulaPicture:
    """A formula as a picture of `width` times `height` pixels of the window."""

    image: QImage
    width: int
    height: int
    tag: str
    """As rich text; its baseline is that of the text around it."""
    ascent: float
    """The height of the formula itself above the baseline."""
    descent: float


NO_PICTURE = FormulaPicture(QImage(), 0, 0, "", 0.0, 0.0)


class Formulas(QObject):
    """Turns LaTeX into pictures. GUI thread.

    A picture that is not there yet is asked for, and `drawn` tells that some have come.
    """

    drawn = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures: OrderedDict[FormulaRequest, FormulaPicture] = OrderedDict()
        self._asked: set[FormulaRequest] = set()
        self._bridge = Bridge(self._on_error, self)
        self._thread = OneByOne("formulas", stays=True)
        self._process = FormulaProcess(child_command("formulas"))

    @property
    def waiting(self) -> bool:
        """Some that were asked for are still to come."""
        return bool(self._asked)

    def picture(self, request: FormulaRequest) -> FormulaPicture | None:
        """A formula's picture, with an empty tag where it cannot be drawn; None while it is still to come."""
        picture = self._pictures.get(request)
        if picture is not None:
            self._pictures.move_to_end(request)
        elif request not in self._asked:
            self._asked.add(request)
            self._thread.submit(partial(self._draw, request)).add_done_callback(self._on_drawn)
        return picture

    def close(self) -> None:
        """Drop what waits to be drawn, and end the process that draws; what is being drawn is for nobody."""
        self._bridge.close()
        self._process.close()
        self._thread.close()

    def _draw(self, request: FormulaRequest) -> None:
        svg = self._process.draw(
            request.latex, request.display, SIZE * request.text_pixel_size, request.colour
        )
        self._bridge.post(self._take, request, svg)

    def _on_drawn(self, done: Future[None]) -> None:
        """Tell what nobody awaits, such as a library that is not there."""
        if not done.cancelled() and (error := done.exception()) is not None:
            self._bridge.post(self._on_error, error)

    def _take(self, request: FormulaRequest, svg: FormulaSvg | None) -> None:
        self._asked.discard(request)
        self._pictures[request] = NO_PICTURE if svg is None else _paint(svg, request)
        if len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        self.drawn.emit()

    def _on_error(self, error: BaseException) -> None:
        log.error("a formula could not be painted", exc_info=error)


def _paint(svg: FormulaSvg, request: FormulaRequest) -> FormulaPicture:
    font = QFont(QGuiApplication.font())
    font.setPixelSize(round(request.text_pixel_size))
    # Qt takes such a picture to reach half the x-height of its own font further above the baseline than below
    # it, and centres it in its line (QTextDocumentLayout::resizeInlineObject, QTextLine::draw). Its font is
    # so large here that this is what the text reaches further above than below: then no line is higher than
    # its formula needs. Empty rows put the formula's own baseline there; the picture must be as high as all
    # text in the line, or the line's middle would be another.
    metrics = QFontMetricsF(font)
    lead = metrics.ascent() - metrics.descent()
    font.setPixelSize(round(font.pixelSize() * 2 * lead / metrics.xHeight()))
    lead = QFontMetrics(font).xHeight() / 2
    ascent = max(svg.ascent, svg.descent + lead, HIGHEST_TEXT * metrics.ascent())
    width, height = math.ceil(svg.width), math.ceil(2 * ascent - lead)
    baseline = (height + lead) / 2
    scale = QGuiApplication.primaryScreen().devicePixelRatio()
    image = QImage(round(width * scale), round(height * scale), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    with QPainter(image) as painter:
        painter.scale(scale, scale)
        renderer = QSvgRenderer(QByteArray(svg.svg.encode()))
        renderer.render(painter, QRectF(0, baseline - svg.ascent, svg.width, svg.ascent + svg.descent))
    buffer = QBuffer()
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stub knows bytes only
    data = base64.b64encode(buffer.data().data()).decode()
    tag = (
        f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}"'
        f' style="vertical-align: middle; font-size: {font.pixelSize()}px">'
    )
    return FormulaPicture(image, width, height, tag, svg.ascent, svg.descent)
