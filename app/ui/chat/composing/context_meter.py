"""Show how full the context would be if the message were sent now, as `ChatPlanner.use` counts it."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.widgets.elided_label import ElidedLabel

BAR_PX = QSize(72, 6)
LEAST_BAR_PX = 24
"""The bar gives way to the words in a narrow window, and the words to the figures alone."""


@dataclass(frozen=True, slots=True)
class ContextUse:
    """Tokens of the next prompt by where they come from, and of the context.

    `documents` count as they would be sent: `passages` of them, or whole where that is None.
    """

    message: int
    documents: int
    history: int
    context: int
    passages: int | None = None

    @property
    def total(self) -> int:
        """The prompt's tokens."""
        return self.message + self.documents + self.history

    @property
    def left(self) -> int:
        """The tokens that are left for the reply."""
        return max(0, self.context - self.total)


class ContextMeter(QWidget):
    """A bar of three parts (history, documents, message) with the sum beside it. GUI thread."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar = _Bar(theme)
        self._text = ElidedLabel("small", tip=False)
        self._text.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 4, 0)
        self._row.setSpacing(8)
        self._row.addWidget(self._bar)
        self._row.addWidget(self._text, 1)
        self._words = self._figures = ""
        self.show_use(None)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Want the whole bar, too, however short it is now."""
        hint = super().sizeHint()
        return hint if self._text.isHidden() else QSize(self._beside_bar() + BAR_PX.width(), hint.height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Want the whole words: buttons beside it do without theirs first (`CollapsingButtons`)."""
        hint = super().minimumSizeHint()
        if self._text.isHidden():
            return hint
        return QSize(self._beside_bar() + LEAST_BAR_PX, hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Let the bar give way to the words."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        left = self.width() - self._beside_bar()
        self._bar.setMaximumWidth(max(LEAST_BAR_PX, min(BAR_PX.width(), left)))
        # Of a sum that is cut off another one is read.
        shown = self._words if left >= LEAST_BAR_PX else self._figures
        if self._text.text() != shown:
            self._text.setText(shown)
        # At once: nobody sees the words in the place of before.
        self._row.activate()

    def _beside_bar(self) -> int:
        margins = self._row.contentsMargins()
        words_px = self._text.fontMetrics().horizontalAdvance(self._words)
        return margins.left() + margins.right() + self._row.spacing() + words_px

    @property
    def text(self) -> str:
        """The sum in words; empty while nothing is known."""
        return self._words

    @property
    def shown(self) -> str:
        """As much of it as there is room for."""
        return self._text.text()

    @property
    def details(self) -> str:
        """The shown list of where the tokens come from."""
        return self.toolTip()

    def show_use(self, use: ContextUse | None) -> None:
        """Show this use of the context; None where there is nothing to say."""
        self._bar.show_use(use)
        for part in (self._bar, self._text):
            part.setVisible(use is not None)
        if use is None:
            self._words = self._figures = ""
            self._text.setText("")
            self.setToolTip("")
            self.setAccessibleName("")
            return
        sum_of = {"used": f"{use.total:,}", "total": f"{use.context:,}"}
        self._words = self.tr("To send: {used} of {total}").format(**sum_of)
        self._figures = self.tr("{used} / {total}").format(**sum_of)
        self.updateGeometry()
        self._fit()
        values = {
            "message": f"{use.message:,}",
            "documents": f"{use.documents:,}",
            "history": f"{use.history:,}",
            "left": f"{use.left:,}",
            "count": use.passages,
        }
        if use.passages is not None:
            details = self.tr(
                "Chat so far: {history} tokens\n{count} passages of the documents: {documents}\nMessage:"
                " {message}\nLeft for the reply: {left}"
            )
        elif use.documents:
            details = self.tr(
                "Chat so far: {history} tokens\nDocuments: {documents}\nMessage: {message}\nLeft for the"
                " reply: {left}"
            )
        else:
            details = self.tr("Chat so far: {history} tokens\nMessage: {message}\nLeft for the reply: {left}")
        set_tip(self, details.format(**values))
        self.setAccessibleName(self.text)
        self.setAccessibleDescription(self.toolTip())


class _Bar(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._use: ContextUse | None = None
        self.setFixedHeight(BAR_PX.height())
        self.setMinimumWidth(LEAST_BAR_PX)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return BAR_PX

    def show_use(self, use: ContextUse | None) -> None:
        self._use = use
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        use, colours = self._use, self._theme.colours
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), QColor(colours.track_edge))
            # In high contrast the track is seen by its edge.
            edge_px = int(colours.track_edge != colours.track)
            inner = self.rect().adjusted(edge_px, edge_px, -edge_px, -edge_px)
            painter.fillRect(inner, QColor(colours.track))
            if use is not None and use.context:
                over = use.total > use.context
                left = float(inner.left())
                for tokens, colour in (
                    (use.history, colours.faint),
                    (use.documents, colours.muted),
                    (use.message, colours.accent),
                ):
                    width = inner.width() * tokens / max(use.context, use.total)
                    colour = colours.danger if over else colour
                    painter.fillRect(QRectF(left, inner.top(), width, inner.height()), QColor(colour))
                    left += width
