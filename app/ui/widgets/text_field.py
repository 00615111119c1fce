"""A field of several lines that takes no line too long to be laid out."""

from PySide6.QtCore import QCoreApplication, QMimeData
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.ui.base.add_action import tell_refusal
from app.ui.base.utf16 import utf16_length

LONGEST_LINE = 20_000
"""In UTF-16 units. Qt lays out a line as a whole with each key: one of a million takes up to a second."""
_LINE_ENDS = ("\r\n", "\r", "\u2029")
"""Beside the usual one."""


class TextField(QPlainTextEdit):
    """Refuses what is pasted, dropped or put in by `insert` where it would make a line too long, and says
    so. GUI thread."""

    longest_line = LONGEST_LINE

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802 - Qt's name
        """Pasted or dropped text. Qt would make a document of it first, which takes twice as long."""
        text = source.text()
        if text and not self.isReadOnly() and self._has_room(text):
            self.insertPlainText(text)
            self.ensureCursorVisible()

    def insert(self, text: str) -> None:
        """Put a text where the cursor is."""
        if self._has_room(text):
            self.insertPlainText(text)

    def refuse_line(self) -> None:
        """Say that a text was not put in as a line would have become too long."""
        tell_refusal(self, long_line_refusal(self.longest_line))

    def _has_room(self, text: str) -> bool:
        cursor = self.textCursor()
        document = self.document()
        begin, end = cursor.selectionStart(), cursor.selectionEnd()
        last = document.findBlock(end)
        lengths = _line_lengths(text)
        lengths[0] += begin - document.findBlock(begin).position()
        lengths[-1] += last.position() + last.length() - 1 - end
        has_room = max(lengths) <= self.longest_line
        if not has_room:
            self.refuse_line()
        return has_room


def refuses_to_edit(text: str, beside: QWidget) -> bool:
    """Tell whether a text has a line too long for a field; where it has, that is said beside a widget."""
    refused = max(_line_lengths(text)) > LONGEST_LINE
    if refused:
        tell_refusal(beside, long_line_refusal(LONGEST_LINE))
    return refused


def long_line_refusal(longest: int) -> str:
    """Say that a line is too long."""
    sentence = QCoreApplication.translate(
        "TextField", "A line of more than {count} characters is too long to be edited here."
    )
    return sentence.format(count=f"{longest:,}")


def _line_lengths(text: str) -> list[int]:
    for end in _LINE_ENDS:
        text = text.replace(end, "\n")
    length = len if utf16_length(text) == len(text) else utf16_length
    return [length(line) for line in text.split("\n")]
