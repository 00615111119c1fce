"""A table of a reply."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.chat.markdown.markdown_blocks import TableBlock
from app.ui.base.theme import Theme
from app.ui.reply.rich_label import text_pixel_size, text_style, with_formulas


class TableLabel(QLabel):
    """Shows a `TableBlock`; cells wrap, so that it is never wider than the page."""

    link_chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._table = TableBlock((), ())
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.LinksAccessibleByMouse
        )
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.linkActivated.connect(self.link_chosen)
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
        self.setText(text_style(self._theme.colours, self._theme.zoom_percent) + drawn.html)
