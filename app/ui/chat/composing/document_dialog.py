"""A document as the model reads it, with the passages that a question took along."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.chat.documents.hidden_characters import with_hidden_shown
from app.chat.documents.places import PAGE_END, place_of
from app.chat.documents.retrieval import Passage
from app.chat.store.records import Attachment
from app.ui.base.plain_text import plain
from app.ui.base.theme import Theme
from app.ui.base.utf16 import utf16_length
from app.ui.reply.sources_line import place_words
from app.ui.widgets.card import label
from app.ui.widgets.wheel_proof import ComboBox
from models.system.shown_text import shown

LISTED_CHARACTERS = 80
_LONG_LINE = re.compile(r"[^\n]{1000}(?=[^\n])")
"""Qt lays out a line as a whole: one of 200,000 characters takes minutes, and a document may be one line."""


class DocumentDialog(QDialog):
    """Shows the text, read-only, at `place` if one is given. GUI thread."""

    def __init__(
        self,
        theme: Theme,
        attachment: Attachment,
        passages: Sequence[Passage] = (),
        place: Passage | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(shown(attachment.name))
        self.resize(760, 640)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setProperty("look", "field")
        self._text.setAccessibleName(self.tr("Text of {name}").format(name=attachment.name))
        # One character for one: the passages are counted in them.
        text = attachment.text.replace(PAGE_END, "\n")
        self._breaks = [line.end() for line in _LONG_LINE.finditer(text)]
        """The places in the document before which a line ends here only."""
        ends = [0, *self._breaks, len(text)]
        self._shown = "\n".join(text[start:end] for start, end in pairwise(ends))
        self._text.setPlainText(self._shown)
        what = (
            self.tr("The marked passages went to the model: the whole did not fit into the context.")
            if passages
            else self.tr("This is what the model reads of it.")
        )
        hidden = with_hidden_shown(text) != text
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(label(what, "muted", wrap=True))
        if hidden:
            layout.addWidget(label(self.tr("It holds characters that cannot be seen."), "warning", wrap=True))
        if passages:
            layout.addWidget(self._make_list(attachment, passages, place))
        layout.addWidget(self._text, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self._mark(theme, passages)
        if place is not None:
            self._go_to(place)

    @property
    def first_shown(self) -> str:
        """The line at the top of the view."""
        return self._text.firstVisibleBlock().text()

    def _make_list(
        self, attachment: Attachment, passages: Sequence[Passage], place: Passage | None
    ) -> QComboBox:
        """The passages, the best first, by where they stand; choosing one goes there."""
        listed = ComboBox()
        listed.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        listed.setAccessibleName(self.tr("Passages that went to the model"))
        for number, passage in enumerate(passages, start=1):
            where = place_words(place_of(attachment.name, attachment.text, passage))
            words = " ".join(attachment.text[passage.start : passage.end].split())[:LISTED_CHARACTERS]
            listed.addItem(f"{number}. {plain(' · '.join(where) or words)}", passage)
        listed.setCurrentIndex(passages.index(place) if place in passages else 0)
        listed.activated.connect(lambda row: self._go_to(passages[row]))
        return listed

    def _mark(self, theme: Theme, passages: Sequence[Passage]) -> None:
        look = QTextCharFormat()
        look.setBackground(theme.colour("accent_soft"))
        marks = []
        for passage in passages:
            mark = QTextEdit.ExtraSelection()
            mark.format = look
            mark.cursor = self._cursor(passage.start, passage.end)
            marks.append(mark)
        self._text.setExtraSelections(marks)

    def _go_to(self, place: Passage) -> None:
        # From the end upwards, so that the place comes to the top.
        self._text.moveCursor(QTextCursor.MoveOperation.End)
        self._text.setTextCursor(self._cursor(place.start, place.start))
        self._text.ensureCursorVisible()

    def _cursor(self, start: int, end: int) -> QTextCursor:
        cursor = QTextCursor(self._text.document())
        start += bisect_right(self._breaks, start)
        end += bisect_left(self._breaks, end)
        cursor.setPosition(utf16_length(self._shown[:start]))
        cursor.setPosition(utf16_length(self._shown[:end]), QTextCursor.MoveMode.KeepAnchor)
        return cursor
