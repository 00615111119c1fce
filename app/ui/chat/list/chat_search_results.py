"""The results of the search over all chats."""

import math
from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QAbstractTextDocumentLayout, QKeyEvent, QPainter, QPalette, QTextDocument
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.chat.store.search import SearchHit
from app.ui.base.field_escape import keeps_escape
from app.ui.base.plain_text import plain
from app.ui.base.theme import Theme
from app.ui.widgets.card import label

Index = QModelIndex | QPersistentModelIndex

AT_ONCE = 20
"""So many hits are laid out in one callback."""
HIT_ROLE = Qt.ItemDataRole.UserRole
LEFT_PX, TOP_PX, RIGHT_PX, BOTTOM_PX = 10, 5, 12, 7
"""Around the words of a hit."""
EXCERPT_PX = 12


class ChatSearchResults(QWidget):
    """The hits, each with its chat's title and the words around it. GUI thread."""

    hit_chosen = Signal(object)
    """A `SearchHit`."""
    left = Signal()
    """The keyboard goes back to the words that are searched for."""

    def __init__(self, theme: Theme, width_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hits: Sequence[SearchHit] = ()
        self._count = label("", "small", wrap=True)
        self._list = _Hits()
        self._delegate = _HitDelegate(
            theme, width_px, self.tr("New chat"), self.tr("in the thinking"), self._list
        )
        self._list.setItemDelegate(self._delegate)
        # Some of them in each turn of the event loop.
        self._list.setLayoutMode(QListWidget.LayoutMode.Batched)
        self._list.setBatchSize(AT_ONCE)
        self._list.setProperty("look", "hits")
        self._list.setAccessibleName(self.tr("Search results"))
        self._list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemClicked.connect(self._on_chosen)
        self._list.entered_by_key.connect(self._on_chosen)
        self._list.left.connect(self.left)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(self._count)
        layout.addWidget(self._list, 1)
        theme.changed.connect(self._show_again)

    @property
    def summary(self) -> str:
        """The number of hits, in words."""
        return self._count.text()

    def _show_again(self) -> None:
        self.show_hits(self._hits)

    def show_hits(self, hits: Sequence[SearchHit]) -> None:
        """Show what was found, the best first."""
        self._hits = hits
        self._list.clear()
        self._count.setText(
            self.tr("Hits: {count}").format(count=len(hits))
            if hits
            else self.tr("Nothing found. Try fewer or other words.")
        )
        self._delegate.forget()
        for hit in hits:
            item = QListWidgetItem(self._list)
            item.setData(HIT_ROLE, hit)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, _plain(hit))

    def focus_first(self) -> None:
        """Go into the list with the keyboard."""
        if self._list.count():
            self._list.setFocus()
            self._list.setCurrentRow(0)

    def _on_chosen(self, item: QListWidgetItem) -> None:
        self.hit_chosen.emit(self._hits[self._list.row(item)])


class _Hits(QListWidget):
    """Enter chooses, as a click does; Escape, and the arrow up from the first hit, leave it."""

    entered_by_key = Signal(QListWidgetItem)
    left = Signal()

    def event(self, event: QEvent) -> bool:
        """Take Escape ahead of the shortcuts."""
        return keeps_escape(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        item = self.currentItem()
        if event.key() == Qt.Key.Key_Escape or (event.key() == Qt.Key.Key_Up and self.currentRow() <= 0):
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and item is not None:
            self.entered_by_key.emit(item)
        else:
            super().keyPressEvent(event)


class _HitDelegate(QStyledItemDelegate):
    """Draws a hit: the title, then the excerpt with the found words in the accent colour. Each is laid out
    when it is first needed: labels of 200 hits took 1.6 s."""

    def __init__(self, theme: Theme, width_px: int, untitled: str, in_thinking: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._width_px = width_px
        self._untitled, self._in_thinking = untitled, in_thinking
        self._laid_out: dict[int, QTextDocument] = {}

    def forget(self) -> None:
        """Lay all of them out anew: there are others, or the theme is another one."""
        self._laid_out.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """As high as its lines, and as wide as the list."""
        height_px = self._document(option, index).size().height()
        return QSize(1, math.ceil(height_px) + TOP_PX + BOTTOM_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the ground as of all rows, and the words on it."""
        super().paint(painter, option, index)
        painter.save()
        painter.translate(option.rect.left() + LEFT_PX, option.rect.top() + TOP_PX)
        context = QAbstractTextDocumentLayout.PaintContext()
        context.palette.setColor(QPalette.ColorRole.Text, self._theme.colour("text"))
        self._document(option, index).documentLayout().draw(painter, context)
        painter.restore()

    def _document(self, option: QStyleOptionViewItem, index: Index) -> QTextDocument:
        document = self._laid_out.get(index.row())
        if document is None:
            document = self._laid_out[index.row()] = QTextDocument()
            document.setDocumentMargin(0)
            document.setDefaultFont(option.font)
            document.setHtml(self._html(index.data(HIT_ROLE)))
            document.setTextWidth(self._theme.pixels(self._width_px) - LEFT_PX - RIGHT_PX)
        return document

    def _html(self, hit: SearchHit) -> str:
        colours = self._theme.colours
        words = "".join(
            f'<span style="color: {colours.accent}; font-weight: 600">{escape(plain(text))}</span>'
            if is_hit
            else escape(plain(text))
            for text, is_hit in hit.excerpt
        )
        title = escape(plain(hit.title) or self._untitled)
        thinking = f' <span style="color: {colours.faint}">· {escape(self._in_thinking)}</span>'
        where = thinking if hit.in_thinking else ""
        shown = (
            f'<p style="margin: 0; font-weight: 600">{words if hit.message_id is None else title}{where}</p>'
        )
        if hit.message_id is not None:
            size_px = self._theme.pixels(EXCERPT_PX)
            shown += f'<p style="margin: 0; font-size: {size_px}px; color: {colours.muted}">{words}</p>'
        return shown


def _plain(hit: SearchHit) -> str:
    return f"{hit.title}: {''.join(text for text, _ in hit.excerpt)}"
