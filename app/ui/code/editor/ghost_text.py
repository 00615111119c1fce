"""Text that is proposed at the cursor, grey, until it is taken or dropped."""

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.ui.base.announce import announce
from app.ui.base.field_escape import keeps_escape
from app.ui.base.theme import Theme
from app.ui.code.editor.code_editor import CodeEditor


class GhostText(QWidget):
    """Lies over an editor's text. Tab takes it, Escape drops it, and so does whatever moves the cursor; who
    types what it says keeps the rest. GUI thread only.
    """

    taken = Signal()

    def __init__(self, editor: CodeEditor, theme: Theme) -> None:
        super().__init__(editor.viewport())
        self._editor = editor
        self._theme = theme
        self._text = ""
        self._before = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        editor.installEventFilter(self)
        editor.edited.connect(self._on_edited)
        editor.cursorPositionChanged.connect(self._on_moved)
        editor.updateRequest.connect(lambda _area, scrolled: self._place() if scrolled else None)
        editor.horizontalScrollBar().valueChanged.connect(lambda _value: self._place())

    @property
    def text(self) -> str:
        """The text that is proposed; empty where none is."""
        return self._text

    def propose(self, text: str) -> None:
        """Show `text` at the cursor."""
        self._text = text
        self._before = self._up_to_cursor()
        self._place()
        announce(self._editor, text)

    def drop(self) -> None:
        """Show nothing any more."""
        if self._text:
            self._text = ""
            self.hide()

    def take(self) -> None:
        """Put the text in, as one undo step."""
        text, self._text = self._text, ""
        self.hide()
        self._editor.textCursor().insertText(text)
        self._editor.ensureCursorVisible()
        self.taken.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Take Tab and Escape of the editor while there is something to take or to drop."""
        if watched is not self._editor or not self._text:
            return False
        if event.type() == QEvent.Type.FocusOut:
            self.drop()
            return False
        if keeps_escape(event):
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.drop()
                return True
            plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
            if event.key() == Qt.Key.Key_Tab and plain:
                self.take()
                return True
        return False

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the first line behind the cursor, and the others over what stands below."""
        with QPainter(self) as painter:
            painter.setFont(self._editor.font())
            height, cursor = self._line_height(), self._editor.cursorRect()
            first, *others = self._text.split("\n")
            if others:
                below = QRect(0, height, self.width(), height * len(others))
                painter.fillRect(below, self._theme.colour("surface"))
                painter.setPen(self._theme.colour("line"))
                painter.drawLine(below.bottomLeft(), below.bottomRight())
            painter.setPen(self._theme.colour("muted"))
            ascent = self._editor.fontMetrics().ascent()
            painter.drawText(QPoint(cursor.left() + 1, ascent), self._expanded(first))
            left = round(self._editor.contentOffset().x() + self._editor.document().documentMargin())
            for number, line in enumerate(others, start=1):
                painter.drawText(QPoint(left, number * height + ascent), self._expanded(line))

    def _expanded(self, line: str) -> str:
        return line.expandtabs(4)

    def _line_height(self) -> int:
        return max(1, self._editor.cursorRect().height())

    def _place(self) -> None:
        if not self._text:
            return
        lines = self._text.count("\n") + 1
        top = self._editor.cursorRect().top()
        self.setGeometry(0, top, self._editor.viewport().width(), lines * self._line_height() + 1)
        self.show()
        self.raise_()
        self.update()

    def _up_to_cursor(self) -> str:
        return self._editor.text()[: self._editor.selected_range()[1]]

    def _on_edited(self) -> None:
        if not self._text:
            return
        typed = self._up_to_cursor()
        said = typed.removeprefix(self._before)
        if typed.startswith(self._before) and said and self._text.startswith(said) and said != self._text:
            self._text = self._text.removeprefix(said)
            self._before = typed
            self._place()
        else:
            self.drop()

    def _on_moved(self) -> None:
        if self._text and self._up_to_cursor() != self._before:
            # Typing moves the cursor before or after the text has changed: `_on_edited` decides about that.
            typed = self._up_to_cursor()
            said = typed.removeprefix(self._before)
            if not (typed.startswith(self._before) and said and self._text.startswith(said)):
                self.drop()
