"""A document as the model reads it, with the passages that a question took along."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

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

from app.chat.documents.hidden_characters import HIDDEN
from app.chat.documents.places import PAGE_END, place_of
from app.chat.documents.retrieval import Passage
from app.chat.store.records import Attachment
from app.ui.base.plain_text import plain
from app.ui.base.slices import Slices
from app.ui.base.theme import Theme
from app.ui.base.utf16 import utf16_length
from app.ui.reply.sources_line import place_words
from app.ui.widgets.card import label
from app.ui.widgets.wheel_proof import ComboBox
from models.system.shown_text import shown

LISTED_CHARACTERS = 80
LONGEST_LINE = 1000
"""Qt lays out a line as a whole: one of 200,000 characters takes minutes, and a document may be one line."""
MOST_LINES, MOST_CHARACTERS = 40_000, 4_000_000
"""Of a longer document the part around a place is shown: Qt goes through all lines as the window's width
changes."""
STEP_LINES, STEP_CHARACTERS = 500, 50_000
"""So much comes into the field in a step."""
SEARCHED_CHARACTERS = 500_000
"""So much is searched for hidden characters in a step."""
AT_ONCE_LINES, AT_ONCE_CHARACTERS = 2000, 100_000
"""A document that is no longer is shown with the window."""


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
        self._text.setUndoRedoEnabled(False)
        # One character for one: the passages are counted in them.
        self._document = attachment.text.replace(PAGE_END, "\n")
        self._start = self._end = 0
        """From where to where the document is shown."""
        self._breaks: list[int] = []
        """The places in the document before which a line ends here only."""
        self._steps: list[str] = []
        self._lengths: list[tuple[int, int]] = []
        """The characters of the field before each step, and Qt's count of them."""
        self._marked = passages
        self._theme = theme
        self._place = place
        """Is gone to once it is there."""
        self._filling = Slices(self)
        self._is_filled = False
        what = (
            self.tr("The marked passages went to the model: the whole did not fit into the context.")
            if passages
            else self.tr("This is what the model reads of it.")
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(label(what, "muted", wrap=True))
        self._hidden = label(self.tr("It holds characters that cannot be seen."), "warning", wrap=True)
        self._hidden.hide()
        layout.addWidget(self._hidden)
        if passages:
            layout.addWidget(self._make_list(attachment, passages, place))
        self._part = label("", "muted", wrap=True)
        layout.addWidget(self._part)
        layout.addWidget(self._text, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self._show_around(place.start if place is not None else 0)

    @property
    def is_filled(self) -> bool:
        """Tell whether all that is to be shown is in the field."""
        return self._is_filled

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

    def _show_around(self, place: int) -> None:
        """Show the document, or a part of it with this place."""
        text = self._document
        lines = text.count("\n") + 1
        self._start, self._end = 0, len(text)
        if lines > MOST_LINES or len(text) > MOST_CHARACTERS:
            self._start = max(place - MOST_CHARACTERS // 2, _lines_up(text, place, MOST_LINES // 2))
            most = min(len(text), self._start + MOST_CHARACTERS)
            self._end = _lines_down(text, self._start, most, MOST_LINES)
            first = text.count("\n", 0, self._start) + 1
            self._part.setText(
                self.tr(
                    "It is too long to be shown whole: this is line {first} to line {last} of {count}."
                ).format(first=first, last=first + text.count("\n", self._start, self._end - 1), count=lines)
            )
        self._part.setVisible(bool(self._part.text()))
        self._is_filled = False
        self._text.clear()
        self._filling.begin(self._fill())
        if len(text) <= AT_ONCE_CHARACTERS and lines <= AT_ONCE_LINES:
            self._filling.finish()

    def _fill(self) -> Iterator[None]:
        """Bring the text into the field, in steps."""
        self._breaks, self._steps, self._lengths = [], [], []
        characters = units = 0
        cursor = QTextCursor(self._text.document())
        at = self._start
        while at < self._end:
            lines: list[str] = []
            most = at + STEP_CHARACTERS
            while at < min(self._end, most) and len(lines) < STEP_LINES:
                line = self._line(at)
                at += len(line)
                if not line.endswith("\n") and at < self._end:
                    self._breaks.append(at)
                    line += "\n"
                lines.append(line)
            shown = "".join(lines)
            self._steps.append(shown)
            self._lengths.append((characters, units))
            characters, units = characters + len(shown), units + utf16_length(shown)
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(shown)
            yield
        self._mark()
        self._is_filled = True
        if self._place is not None:
            self._go_to(self._place)
        for at in range(0, len(self._document), SEARCHED_CHARACTERS):
            yield
            if HIDDEN.search(self._document, at, at + SEARCHED_CHARACTERS):
                self._hidden.show()
                return

    def _line(self, start: int) -> str:
        """The rest of a line with its end, or what of it is not too long."""
        most = min(self._end, start + LONGEST_LINE)
        end = self._document.find("\n", start, most + 1) + 1
        return self._document[start : end or most]

    def _mark(self) -> None:
        look = QTextCharFormat()
        look.setBackground(self._theme.colour("accent_soft"))
        marks = []
        for passage in self._marked:
            if passage.start < self._end and passage.end > self._start:
                mark = QTextEdit.ExtraSelection()
                mark.format = look
                mark.cursor = self._cursor(passage.start, passage.end)
                marks.append(mark)
        self._text.setExtraSelections(marks)

    def _go_to(self, place: Passage) -> None:
        self._place = place
        if not self._start <= place.start <= self._end:
            self._show_around(place.start)
        elif self._is_filled:
            # From the end upwards, so that the place comes to the top.
            self._text.moveCursor(QTextCursor.MoveOperation.End)
            self._text.setTextCursor(self._cursor(place.start, place.start))
            self._text.ensureCursorVisible()

    def _cursor(self, start: int, end: int) -> QTextCursor:
        cursor = QTextCursor(self._text.document())
        start, end = max(start, self._start), min(end, self._end)
        start += bisect_right(self._breaks, start) - self._start
        end += bisect_left(self._breaks, end) - self._start
        cursor.setPosition(self._position(start))
        cursor.setPosition(self._position(end), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def _position(self, offset: int) -> int:
        """Qt's count for a place in the field."""
        step = bisect_right(self._lengths, (offset, 0)) - 1
        if step < 0:
            return 0
        characters, units = self._lengths[step]
        return units + utf16_length(self._steps[step][: offset - characters])


def _lines_up(text: str, place: int, count: int) -> int:
    """The start of the line so many lines above a place."""
    at = text.rfind("\n", 0, place)
    while at >= 0 and count:
        at = text.rfind("\n", 0, at)
        count -= 1
    return at + 1


def _lines_down(text: str, start: int, most: int, count: int) -> int:
    """The end of so many lines from a place on, before `most`."""
    at = start
    while count and (end := text.find("\n", at, most)) >= 0:
        at = end + 1
        count -= 1
    return at if not count else most
