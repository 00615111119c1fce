"""The output of a running program, as it comes."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCharFormat, QTextCursor, QTextFormat, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.chat.documents.hidden_characters import with_hidden_shown
from app.ui.base.theme import Theme
from app.ui.widgets.scrolled_page import KeyboardRing

LINES_KEPT = 5000
IS_ERROR = QTextFormat.Property.UserProperty + 2
LINE_CHARACTERS = 4000
"""The longest line; the rest is cut: one line of a megabyte would take the window seconds to lay out."""


class CodeOutput(QPlainTextEdit):
    """A program's output, its errors in another colour. GUI thread only."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._in_line = 0
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setMaximumBlockCount(LINES_KEPT)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setProperty("look", "bare")
        theme.set_code_font(self)
        self.document().setDocumentMargin(0)
        theme.changed.connect(self._on_theme_changed)
        self.setAccessibleName(self.tr("Output of the program"))
        KeyboardRing(self)

    def add(self, text: str, *, is_error: bool = False) -> None:
        """Write on at the end; the view follows unless the user has scrolled up."""
        bar = self.verticalScrollBar()
        follows = bar.value() >= bar.maximum() - 4
        look = self._error_look() if is_error else QTextCharFormat()
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(self._cut(with_hidden_shown(text)), look)
        if follows:
            bar.setValue(bar.maximum())

    def clear(self) -> None:
        """Begin anew."""
        self._in_line = 0
        super().clear()

    def _cut(self, text: str) -> str:
        """`text` with the rest of too long lines left out; a line may have begun in an earlier piece."""
        lines = text.split("\n")
        for number, line in enumerate(lines):
            begun = self._in_line if number == 0 else 0
            room = max(0, LINE_CHARACTERS - begun)
            if len(line) > room:
                lines[number] = line[:room] + ("…" if begun <= LINE_CHARACTERS else "")
            self._in_line = begun + len(line)
        return "\n".join(lines)

    def _error_look(self) -> QTextCharFormat:
        look = QTextCharFormat()
        look.setForeground(self._theme.colour("danger"))
        look.setProperty(IS_ERROR, True)
        return look

    def _on_theme_changed(self) -> None:
        self._theme.set_code_font(self)
        block = self.document().begin()
        while block.isValid():
            for part in block.textFormats():
                if part.format.hasProperty(IS_ERROR):
                    cursor = QTextCursor(block)
                    cursor.setPosition(block.position() + part.start)
                    cursor.setPosition(cursor.position() + part.length, QTextCursor.MoveMode.KeepAnchor)
                    cursor.setCharFormat(self._error_look())
            block = block.next()
