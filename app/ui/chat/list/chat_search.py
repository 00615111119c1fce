"""The results of the search over all chats."""

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QSizePolicy, QVBoxLayout, QWidget

from app.chat.store.search import SearchHit
from app.ui.base.plain_text import plain
from app.ui.base.theme import Theme
from app.ui.widgets.card import label

EXCERPT_LINES = 3


class ChatSearchResults(QWidget):
    """The hits, each with its chat's title and the words around it. GUI thread."""

    hit_chosen = Signal(object)
    """A `SearchHit`."""

    def __init__(self, theme: Theme, width_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._width_px = width_px
        self._hits: Sequence[SearchHit] = ()
        self._count = label("", "small", wrap=True)
        self._list = _Hits()
        self._list.setProperty("look", "hits")
        self._list.setAccessibleName(self.tr("Search results"))
        self._list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemClicked.connect(self._on_chosen)
        self._list.entered_by_key.connect(self._on_chosen)
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
        for hit in hits:
            item = QListWidgetItem(self._list)
            widget = _HitLabel(self._theme, hit, self.tr("New chat"), self.tr("in the thinking"))
            width_px = self._theme.pixels(self._width_px)
            item.setSizeHint(QSize(width_px, widget.heightForWidth(width_px - 8) + 2))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, widget.plain)
            self._list.setItemWidget(item, widget)

    def focus_first(self) -> None:
        """Go into the list with the keyboard."""
        if self._list.count():
            self._list.setFocus()
            self._list.setCurrentRow(0)

    def _on_chosen(self, item: QListWidgetItem) -> None:
        self.hit_chosen.emit(self._hits[self._list.row(item)])


class _Hits(QListWidget):
    """Enter chooses, as a click does."""

    entered_by_key = Signal(QListWidgetItem)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        item = self.currentItem()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and item is not None:
            self.entered_by_key.emit(item)
        else:
            super().keyPressEvent(event)


class _HitLabel(QLabel):
    """A hit: the title, then the excerpt with the found words in the accent colour."""

    def __init__(self, theme: Theme, hit: SearchHit, untitled: str, in_thinking: str) -> None:
        super().__init__()
        colours = theme.colours
        words = "".join(
            f'<span style="color: {colours.accent}; font-weight: 600">{escape(plain(text))}</span>'
            if is_hit
            else escape(plain(text))
            for text, is_hit in hit.excerpt
        )
        title = escape(plain(hit.title) or untitled)
        where = (
            f' <span style="color: {colours.faint}">· {escape(in_thinking)}</span>' if hit.in_thinking else ""
        )
        shown = (
            f'<p style="margin: 0; font-weight: 600">{words if hit.message_id is None else title}{where}</p>'
        )
        if hit.message_id is not None:
            shown += f'<p style="margin: 0; font-size: 12px; color: {colours.muted}">{words}</p>'
        self.plain = f"{hit.title}: {''.join(text for text, _ in hit.excerpt)}"
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setText(shown)
        self.setWordWrap(True)
        self.setContentsMargins(10, 5, 4, 5)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
