"""A list of things that can be removed: a card for each, scrolled."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.ui.base.layouts import clear_layout
from app.ui.widgets.card import Card
from app.ui.widgets.scrolled_page import ScrolledPage


class CardList(QScrollArea):
    """Cards with a picture, lines of text and buttons, under one another. GUI thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards = QVBoxLayout()
        self._cards.setSpacing(8)
        inner = ScrolledPage()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._cards)
        column.addStretch(1)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(160)
        self.setWidget(inner)

    def clear(self) -> None:
        """Take all cards away."""
        clear_layout(self._cards)

    def add(self, icon: QIcon, lines: Sequence[QLabel], buttons: Sequence[QPushButton]) -> None:
        """Add a card below the others."""
        card = Card(margin_px=12)
        picture = QLabel()
        picture.setPixmap(icon.pixmap(QSize(18, 18)))
        text = QVBoxLayout()
        text.setSpacing(2)
        for line in lines:
            text.addWidget(line)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(text, 1)
        for made in buttons:
            row.addWidget(made, 0, Qt.AlignmentFlag.AlignTop)
        card.body.addLayout(row)
        self._cards.addWidget(card)
