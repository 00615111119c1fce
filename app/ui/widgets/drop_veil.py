"""The words over a place while files are dragged onto it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.ui.widgets.card import label

EDGE_PX = 12


class DropVeil(QFrame):
    """Lies over its parent, and lets the drag through to it. GUI thread."""

    def __init__(self, parent: QWidget, text: str) -> None:
        super().__init__(parent)
        self._below = parent
        self.setProperty("look", "veil")
        # The drag goes on below.
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        words = label(text, "title", wrap=True)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        QVBoxLayout(self).addWidget(words)
        self.hide()

    def lay_over(self) -> None:
        """Cover the parent, but for a narrow edge."""
        self.setGeometry(self._below.rect().adjusted(EDGE_PX, EDGE_PX, -EDGE_PX, -EDGE_PX))
        self.raise_()
        self.show()
