"""A sentence in a frame of its own below a reply."""

from PySide6.QtWidgets import QHBoxLayout, QPushButton

from app.ui.base.theme import Theme
from app.ui.widgets.card import Card, button, label


class ReplyNotice(Card):
    """A sentence about a reply, such as why it ended early."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(look="notice", margin_px=0)
        self._theme = theme
        self._icon = label()
        self._icon.setFixedWidth(18)
        self.text = label("", wrap=True, selectable=True)
        row = self._row = QHBoxLayout()
        row.setContentsMargins(14, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(self._icon)
        row.addWidget(self.text, 1)
        self.body.addLayout(row)
        theme.changed.connect(self._draw_icon)
        self._draw_icon()

    def add_button(self, text: str) -> QPushButton:
        """Offer a way on."""
        made = button(text)
        self._row.addWidget(made)
        return made

    def _draw_icon(self) -> None:
        self._icon.setPixmap(self._theme.icon("warning", "warning").pixmap(16, 16))
