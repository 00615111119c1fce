"""Plain text whose lines wrap: a question, a part of a long one, a summary."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect

from app.chat.documents.hidden_characters import with_hidden_shown
from app.chat.markdown.block_text import PlainText, Run, Selectable, text_of
from app.chat.markdown.text_selection import BlockPlace, BlockRange
from app.ui.reply.rich.rich_text import Piece, RichText


class WrappedText(RichText):
    """Plain text that is measured once for each width, however often the column is laid out."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._heights: dict[int, int] = {}
        self.set_text(text)

    @property
    def blocks(self) -> Sequence[Selectable]:
        """The text as the one block that it is."""
        return [self._block]

    def set_text(self, text: str) -> None:
        """Show another text."""
        self._heights.clear()
        self._block = PlainText(text)
        self.setAccessibleName(with_hidden_shown(text))
        self.document.setDefaultFont(self.font())
        self.document.setPlainText(text_of(self._block))
        self.updateGeometry()
        self.update()

    def show_selection(self, selected: BlockRange | None) -> None:
        """Show some of it as selected."""
        self.show_selected(*(selected.within(0, len(text_of(self._block))) if selected else (0, 0)))

    def place_at(self, point: QPoint) -> BlockPlace:
        """The place in its text that is nearest to a point."""
        return BlockPlace(0, self.offset_at(point))

    def caret_at(self, place: BlockPlace) -> QRect:
        """Where a caret would stand."""
        return self.caret_rect(place.offset)

    def reveal(self, place: BlockPlace) -> None:
        """Do nothing: its lines wrap."""

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of the wrapped text."""
        if width not in self._heights:
            # The sheet's font counts, also before it is shown.
            self.ensurePolished()
            self._heights[width] = super().heightForWidth(width)
        return self._heights[width]

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Measure again in another font."""
        if event.type() == QEvent.Type.FontChange:
            self._heights.clear()
        super().changeEvent(event)

    def _pieces(self) -> Sequence[Piece]:
        return [Piece(0, (Run(text_of(self._block)),), 0)]
