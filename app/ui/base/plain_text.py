"""Show a text from outside as what it is: Qt takes what looks like markup for it, and opens its pictures."""

import html
import re

from PySide6.QtCore import QEvent, QPoint, QRect
from PySide6.QtGui import QAction, QPainter, Qt
from PySide6.QtWidgets import QLabel, QListWidgetItem, QTableWidgetItem, QWidget

from app.chat.documents.hidden_characters import with_hidden_shown

LONGEST_TIP = 4_000
LONGEST_LABEL = 20_000
LONGEST_PHRASE = 8
"""Chinese characters that may stay on one line of a narrow column."""

_UNBROKEN = re.compile(
    r" (?=· )|(?<=\d) (?=(?:[kMGT]?B(?:/s)?|tok/s|GMAC/s|Mbit/s|ms|s|min|h|°C|W|px)(?![\w/])|秒|毫秒|分|小时)"
)
"""The space between a figure and its unit, and the one before a dot between two parts."""

_BLANK_ENDS = re.compile(r"\A\s*\n|\s+\Z")
_PHRASE = re.compile("[\u3400-\u9fff]+")


class PlainLabel(QLabel):
    """A label that interprets no markup and shows characters that hide or turn round others; no line ends
    between a figure and its unit, or begins with a dot. GUI thread."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._given = ""
        self.setText(text)

    def text(self) -> str:
        """Return what it says, without what holds figures and units together."""
        return self._given

    def setText(self, text: str) -> None:  # noqa: N802 - Qt's name
        """Show this very text, shortened where laying it out would take long."""
        self._given = plain(text, LONGEST_LABEL)
        super().setText(self._held_together(self._given))

    def _held_together(self, text: str) -> str:
        return _UNBROKEN.sub("\N{NO-BREAK SPACE}", text)

    def clear(self) -> None:
        """Say nothing."""
        self.setText("")

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the margins, which Qt forgets as the style changes while a label is smaller than they are."""
        margins = self.contentsMargins()
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.setContentsMargins(margins)


class PhraseLabel(PlainLabel):
    """A label for a narrow column, whose lines end between short Chinese phrases: Qt would end them between
    any two characters, and make the column as narrow as one. GUI thread."""

    def _held_together(self, text: str) -> str:
        return _PHRASE.sub(_joined, super()._held_together(text))


def _joined(phrase: re.Match[str]) -> str:
    text, joiner = phrase[0], "\N{WORD JOINER}"
    if len(text) <= LONGEST_PHRASE:
        return joiner.join(text)
    # No line of one character.
    return text[:-2] + joiner.join(text[-2:])


def plain(text: str, most: int = LONGEST_LABEL) -> str:
    """At most `most` characters of the text, what cannot be seen in it made visible."""
    return with_hidden_shown(text if len(text) <= most else f"{text[: most - 1]}…")


def without_blank_ends(text: str) -> str:
    """Return what a model wrote without the empty lines before and behind it, which many write."""
    return _BLANK_ENDS.sub("", text)


def draw_line(
    painter: QPainter, room: QRect, text: str, side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft
) -> None:
    """Draw one line in the middle of `room`, whose baseline is that of the painter's font: Qt would centre it
    by the fonts that its characters come from, so that rows with and without Chinese would stand apart."""
    text = " ".join(text.splitlines())
    metrics = painter.fontMetrics()
    is_right = bool(side & Qt.AlignmentFlag.AlignRight)
    left = room.left() + (room.width() - metrics.horizontalAdvance(text) if is_right else 0)
    below = (room.height() - metrics.ascent() - metrics.descent()) // 2
    painter.drawText(QPoint(left, room.top() + below + metrics.ascent()), text)


def set_tip(widget: QWidget | QAction | QListWidgetItem | QTableWidgetItem, text: str) -> None:
    """Give a widget a tool tip that shows this very text."""
    widget.setToolTip(plain_tip(text))


def plain_tip(text: str) -> str:
    """A tool tip that shows this very text."""
    text = plain(text, LONGEST_TIP)
    if not Qt.mightBeRichText(text):
        return text
    return f"<span>{html.escape(text)}</span>".replace("\n", "<br>")
