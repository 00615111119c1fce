"""A table of a reply, or a part of a long one."""

from collections.abc import Sequence
from functools import lru_cache

from PySide6.QtGui import QFont, QTextDocument, QTextLength, QTextTable
from PySide6.QtWidgets import QWidget

from app.chat.markdown.block_text import cell_spans, cells_of, runs_of
from app.chat.markdown.markdown_blocks import TableBlock
from app.ui.base.theme import Theme
from app.ui.reply.rich.rich_label import DrawnText, text_pixel_size, text_style, with_formulas
from app.ui.reply.rich.rich_text import Piece, RichText, empty_document


class TableLabel(RichText):
    """Shows a `TableBlock`; cells wrap, so that it is never wider than the page. The columns of a further
    part of a table are as wide as those of the first, and wider only where its own cells need that."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._table = TableBlock((), ())
        self._first_html = ""
        """The table's first part, where this is another one."""
        self._fitted_px = -1
        """In this width the columns are those of the first part."""
        self.waits_for_formulas = False
        """Some are still to be drawn; `show_again` then."""
        theme.changed.connect(self.show_again)

    def set_table(self, table: TableBlock) -> None:
        """Show a table."""
        self._table = table
        self.show_again()

    def show_again(self) -> None:
        """Make the text anew: the theme changed, or formulas came."""
        style = text_style(self._theme.colours, self._theme.zoom_percent)
        drawn = self._drawn(self._table)
        first = self._drawn(self._table.first) if self._table.first else DrawnText("")
        self.waits_for_formulas = drawn.waits or first.waits
        self._first_html = style + first.html if first.html else ""
        self._fitted_px = -1
        self.show_html(style + drawn.html)
        words = ["".join(run.text for run in runs_of(cell)) for cell in cells_of(self._table)]
        columns = len(self._table.aligns)
        lines = [words[start : start + columns] for start in range(0, len(words), max(1, columns))]
        self.setAccessibleName("\n".join(", ".join(line) for line in lines))

    def column_widths(self) -> list[float]:
        """The pixels of each column as it is laid out."""
        return _column_widths(self.document)

    def _drawn(self, table: TableBlock) -> DrawnText:
        rows = []
        for number, row in enumerate(table.rows):
            tag = "td" if number or table.first else "th"
            cells = "".join(
                f'<{tag} align="{align}" style="border-bottom: 1px solid {self._theme.colours.line};'
                f' padding: 6px 16px 6px 2px; vertical-align: middle;">{cell}</{tag}>'
                for cell, align in zip(row, table.aligns, strict=False)
            )
            rows.append(f"<tr>{cells}</tr>")
        html = f'<table cellspacing="0" style="border-collapse: collapse;">{"".join(rows)}</table>'
        return with_formulas(html, self._theme, text_pixel_size(self._theme, 0))

    def _take_width(self, width: int) -> None:
        super()._take_width(width)
        if self._first_html and self._fitted_px != width:
            self._fitted_px = width
            self._follow_first(width)

    def _follow_first(self, width: int) -> None:
        """Give the columns the widths of those of the first part."""
        table = _table_in(self.document)
        if table is None:
            return
        if table.format().columnWidthConstraints():
            _set_column_widths(table, [])
        theirs = _widths_in(self._first_html, self.font().toString(), width)
        own = self.column_widths()
        widths = list(map(max, theirs, own))
        _set_column_widths(table, widths if sum(widths) <= width else list(theirs))

    def _pieces(self) -> Sequence[Piece]:
        table = _table_in(self.document)
        if table is None:
            return [Piece(0, (), 0)]
        columns = len(self._table.aligns)
        return [
            Piece(span[0], runs_of(cell), table.cellAt(*divmod(number, columns)).firstPosition())
            for number, (cell, span) in enumerate(
                zip(cells_of(self._table), cell_spans(self._table), strict=True)
            )
        ]


def _table_in(document: QTextDocument) -> QTextTable | None:
    frames = document.rootFrame().childFrames()
    return frames[0] if frames and isinstance(frames[0], QTextTable) else None


def _column_widths(document: QTextDocument) -> list[float]:
    table, layout = _table_in(document), document.documentLayout()
    if table is None:
        return []
    whole = layout.frameBoundingRect(table).width()
    first_blocks = [table.cellAt(0, at).firstCursorPosition().block() for at in range(table.columns())]
    lefts = [layout.blockBoundingRect(block).left() for block in first_blocks]
    ends = [*lefts[1:], lefts[0] + whole]
    return [end - left for left, end in zip(lefts, ends, strict=True)]


def _set_column_widths(table: QTextTable, widths: Sequence[float]) -> None:
    """Give the columns these widths; without any, those that their cells need."""
    look = table.format()
    fixed = [QTextLength(QTextLength.Type.FixedLength, width) for width in widths]
    look.setColumnWidthConstraints(fixed)
    table.setFormat(look)


@lru_cache(maxsize=16)
def _widths_in(html: str, font_name: str, width: int) -> tuple[float, ...]:
    """The widths of a table's columns on a page of this width: all parts of a table need those of its first,
    which may be far away and have no widget."""
    font = QFont()
    font.fromString(font_name)
    document = empty_document()
    document.setDefaultFont(font)
    document.setHtml(html)
    document.setTextWidth(width)
    return tuple(_column_widths(document))
