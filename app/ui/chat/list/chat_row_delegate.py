"""Draw the rows of the chat list."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.ui.base.plain_text import draw_line
from app.ui.base.theme import Theme
from app.ui.chat.list.chat_rows import ChatRow, ChatRowsModel

ROW_PX, CAPTION_PX = 31, 34
DOT_PX = 7
CARET_PX = 12
Index = QModelIndex | QPersistentModelIndex


class ChatRowDelegate(QStyledItemDelegate):
    """Draws captions and titles in the theme's colours; titles are edited in place."""

    def __init__(self, theme: Theme, model: ChatRowsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """Captions have air above them. The list gives each row its own width, also beside a scroll bar."""
        is_chat = self._model.chat_at(index) is not None
        return QSize(1, self._theme.pixels(ROW_PX if is_chat else CAPTION_PX))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One row."""
        row = self._model.row_at(index)
        if row is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row.chat is None:
            self._paint_caption(painter, option, str(index.data()), row.closed if row.folder else None)
        else:
            area = self._paint_chat(painter, option, row)
            self._paint_title(painter, option, area, str(index.data()))
        painter.restore()

    def updateEditorGeometry(  # noqa: N802
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        """Over the whole row."""
        editor.setGeometry(option.rect)

    def createEditor(  # noqa: N802
        self, parent: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> QWidget:
        """A line."""
        editor = QLineEdit(parent)
        is_chat = self._model.chat_at(index) is not None
        editor.setAccessibleName(self.tr("Title of the chat") if is_chat else self.tr("Name of the folder"))
        return editor

    def _paint_caption(
        self, painter: QPainter, option: QStyleOptionViewItem, text: str, closed: bool | None
    ) -> None:
        area = QRect(option.rect).adjusted(0, 0, 0, -5)
        font = QFont(option.font)
        font.setPixelSize(self._theme.pixels(11))
        font.setWeight(QFont.Weight.DemiBold)
        font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.6)
        focused = option.state & QStyle.StateFlag.State_HasFocus
        if closed is None:
            font.setCapitalization(QFont.Capitalization.AllUppercase)
        else:
            icon = self._theme.icon("caret-right" if closed else "caret-down")
            icon.paint(painter, QRect(area.left(), area.bottom() - 14, CARET_PX, CARET_PX))
            area.adjust(CARET_PX + 4, 0, 0, 0)
        painter.setFont(font)
        painter.setPen(self._theme.colour("accent" if focused and closed is not None else "muted"))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, shown)

    def _paint_chat(self, painter: QPainter, option: QStyleOptionViewItem, row: ChatRow) -> QRect:
        """Paint the ground of a chat's row, and a dot where a reply is coming in; give the title's place."""
        area = QRect(option.rect).adjusted(0, 1, 0, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("accent_soft" if selected else "raised"))
            painter.drawRoundedRect(area, 8, 8)
        if option.state & QStyle.StateFlag.State_HasFocus and selected:
            painter.setPen(self._theme.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0, 0, -1, -1), 8, 8)
        inner = area.adjusted(12 + (CARET_PX if row.folder is not None else 0), 0, -10, 0)
        if row.chat is not None and self._model.is_busy(row.chat.id):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("accent"))
            painter.drawEllipse(
                QRect(inner.right() - DOT_PX, inner.center().y() - DOT_PX // 2, DOT_PX, DOT_PX)
            )
            inner.adjust(0, 0, -2 * DOT_PX, 0)
        return inner

    def _paint_title(self, painter: QPainter, option: QStyleOptionViewItem, area: QRect, text: str) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(self._theme.colour("accent" if selected else "text"))
        painter.setFont(option.font)
        title = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        draw_line(painter, area, title)
