"""What a running program writes, as it comes."""

from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.chat.hidden_characters import with_hidden_shown
from app.ui.theme import Theme

LINES_KEPT = 5000


class CodeOutput(QPlainTextEdit):
    """A program's output, its errors in another colour. GUI thread only."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setMaximumBlockCount(LINES_KEPT)
        self.setTabChangesFocus(True)
        self.setProperty("look", "bare")
        font = theme.code_font()
        # The window's sheet sets every widget's font size; only a sheet of its own overrides it.
        self.setStyleSheet(f"QPlainTextEdit {{ font-size: {font.pointSizeF():.3f}pt; }}")
        self.setFont(font)
        self.document().setDocumentMargin(0)
        self.setAccessibleName(self.tr("Output of the program"))

    def add(self, text: str, *, is_error: bool = False) -> None:
        """Write on at the end; the view follows unless the user has scrolled up."""
        bar = self.verticalScrollBar()
        follows = bar.value() >= bar.maximum() - 4
        look = QTextCharFormat()
        look.setForeground(self._theme.colour("danger" if is_error else "text"))
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(with_hidden_shown(text), look)
        if follows:
            bar.setValue(bar.maximum())
