"""Show a text from outside as what it is: Qt takes what looks like markup for it, and opens its pictures."""

import html

from PySide6.QtGui import QAction, Qt
from PySide6.QtWidgets import QLabel, QListWidgetItem, QTableWidgetItem, QWidget

from app.chat.documents.hidden_characters import with_hidden_shown

LONGEST_TIP = 4_000
LONGEST_LABEL = 20_000


class PlainLabel(QLabel):
    """A label that interprets no markup and shows characters that hide or turn round others. GUI thread."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Show this very text, shortened where laying it out would take long."""
        super().setText(plain(text, LONGEST_LABEL))


def plain(text: str, most: int = LONGEST_LABEL) -> str:
    """At most `most` characters of the text, what cannot be seen in it made visible."""
    return with_hidden_shown(text if len(text) <= most else f"{text[: most - 1]}…")


def set_tip(widget: QWidget | QAction | QListWidgetItem | QTableWidgetItem, text: str) -> None:
    """Give a widget a tool tip that shows this very text."""
    widget.setToolTip(plain_tip(text))


def plain_tip(text: str) -> str:
    """A tool tip that shows this very text."""
    text = plain(text, LONGEST_TIP)
    if not Qt.mightBeRichText(text):
        return text
    return f"<span>{html.escape(text)}</span>".replace("\n", "<br>")
