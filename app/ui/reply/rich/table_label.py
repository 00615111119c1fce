"""A table of a reply."""

from collections.abc import Sequence

from PySide6.QtGui import QTextTable
from PySide6.QtWidgets import QWidget

from app.chat.markdown.block_text import cell_spans, cells_of, runs_of
from app.chat.markdown.markdown_blocks import TableBlock
from app.ui.base.theme import Theme
from app.ui.reply.rich.rich_label import text_pixel_size, text_style, with_formulas
from app.ui.reply.rich.rich_text import Piece, RichText


class TableLabel(RichText):
    """Shows a `TableBlock`; cells wrap, so that it is never wider than the page."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._table = TableBlock((), ())
        self.waits_for_formulas = False
        """Some are still to be drawn; `show_again` then."""
        theme.changed.connect(self.show_again)

    def set_table(self, table: TableBlock) -> None:
        """Show a table."""
        self._table = table
        self.show_again()

    def show_again(self) -> None:
        """Make the text anew: the theme changed, or formulas came."""
        rows = []
        for number, row in enumerate(self._table.rows):
            tag = "td" if number else "th"
            cells = "".join(
                f'<{tag} align="{align}" style="border-bottom: 1px solid {self._theme.colours.line};'
                f' padding: 6px 16px 6px 2px; vertical-align: middle;">{cell}</{tag}>'
                for cell, align in zip(row, self._table.aligns, strict=False)
            )
            rows.append(f"<tr>{cells}</tr>")
        table = f'<table cellspacing="0" style="border-collapse: collapse;">{"".join(rows)}</table>'
        drawn = with_formulas(table, self._theme, text_pixel_size(self._theme, 0))
        self.waits_for_formulas = drawn.waits
        self.show_html(text_style(self._theme.colours, self._theme.zoom_percent) + drawn.html)
        words = ["".join(run.text for run in runs_of(cell)) for cell in cells_of(self._table)]
        columns = len(self._table.aligns)
        lines = [words[start : start + columns] for start in range(0, len(words), max(1, columns))]
        self.setAccessibleName("\n".join(", ".join(line) for line in lines))

    def _pieces(self) -> Sequence[Piece]:
        frames = self.document.rootFrame().childFrames()
        table = frames[0] if frames else None
        if not isinstance(table, QTextTable):
            return [Piece(0, (), 0)]
        columns = len(self._table.aligns)
        return [
            Piece(span[0], runs_of(cell), table.cellAt(*divmod(number, columns)).firstPosition())
            for number, (cell, span) in enumerate(
                zip(cells_of(self._table), cell_spans(self._table), strict=True)
            )
        ]
