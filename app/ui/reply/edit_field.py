"""A field in the place of a text that is being changed."""

from collections.abc import Iterator

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor

from app.ui.base.field_escape import keeps_escape
from app.ui.base.slices import Slices
from app.ui.widgets.text_field import TextField

MOST_EDITED_LINES = 16
FILLED_LINES = 2000
"""So many are put in at once, and the others in the next turns: 18,600 took 60 ms."""
_WANTS_ALL = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.InputMethod,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.ContextMenu,
        QEvent.Type.Drop,
    }
)
SUBMIT_KEYS = "Ctrl+Enter"


class EditField(TextField):
    """As tall as its text. Escape gives up and Ctrl+Enter submits; where Enter does, Shift+Enter breaks the
    line. GUI thread."""

    submitted = Signal()
    given_up = Signal()

    def __init__(self, *, least_lines: int = 1, enter_submits: bool = True) -> None:
        super().__init__()
        self._coming = Slices(self)
        self.is_filling = False
        """Lines of `fill` are still to come: what changes is not typed."""
        self._least_lines = least_lines
        self._enter_submits = enter_submits
        self.setProperty("look", "field")
        self.setTabChangesFocus(True)
        self.textChanged.connect(self.fit)

    def fill(self, text: str) -> None:
        """Have this text, of which many lines come in the next turns: who reads it, or does something in the
        field, gets all of it before."""
        lines = text.split("\n")
        self.is_filling = len(lines) > FILLED_LINES
        self.setUndoRedoEnabled(not self.is_filling)
        self._coming.stop()
        self.setPlainText("\n".join(lines[:FILLED_LINES]))
        if self.is_filling:
            self._coming.begin(self._steps(lines))

    def _steps(self, lines: list[str]) -> Iterator[None]:
        for first in range(FILLED_LINES, len(lines), FILLED_LINES):
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText("\n" + "\n".join(lines[first : first + FILLED_LINES]))
            yield
        self.setUndoRedoEnabled(True)
        self.is_filling = False

    def toPlainText(self) -> str:  # noqa: N802 - Qt's name
        """All of the text."""
        self._coming.finish()
        return super().toPlainText()

    def fit(self) -> None:
        """Take the height of the text, up to a limit."""
        lines = max(self._least_lines, min(MOST_EDITED_LINES, int(self.document().size().height())))
        self.setFixedHeight(self.fontMetrics().lineSpacing() * lines + 24)

    def event(self, event: QEvent) -> bool:
        """Take Escape ahead of the shortcuts. What is done in it is done in all of the text."""
        if event.type() in _WANTS_ALL:
            self._coming.finish()
        return keeps_escape(event) or super().event(event)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """As `event`, for the mouse."""
        if event.type() in _WANTS_ALL:
            self._coming.finish()
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Tell of Escape, and of Enter where it submits."""
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        held = event.modifiers()
        by_itself = self._enter_submits and not held & Qt.KeyboardModifier.ShiftModifier
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        elif is_enter and (by_itself or held & Qt.KeyboardModifier.ControlModifier):
            self.submitted.emit()
        else:
            super().keyPressEvent(event)
