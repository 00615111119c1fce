"""The widgets that stay below the conversation while it is scrolled."""

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.ui.reply.chat_column import COLUMN_PX, MARGIN_PX


class ChatFoot(QWidget):
    """The message that is written and what is said about it, as wide as the column above."""

    def __init__(self, widgets: Sequence[QWidget], scroll_bar_px: int) -> None:
        """`widgets` from top to bottom; `scroll_bar_px` is the width of the conversation's scroll bar."""
        super().__init__()
        inner = QWidget()
        inner.setMaximumWidth(COLUMN_PX)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.toast_place = QVBoxLayout()
        """The row above all of them, for what is news for some seconds."""
        column.addLayout(self.toast_place)
        for widget in widgets:
            column.addWidget(widget)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(inner, 1000)
        row.addStretch(1)
        # Below the column, which the scroll bar pushes to the left.
        row.setContentsMargins(MARGIN_PX, 8, MARGIN_PX + scroll_bar_px, 14)
