"""A field in the place of a text that is being changed."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent

from app.ui.base.field_escape import keeps_escape
from app.ui.widgets.text_field import TextField

MOST_EDITED_LINES = 16
SUBMIT_KEYS = "Ctrl+Enter"


class EditField(TextField):
    """As tall as its text. Escape gives up and Ctrl+Enter submits; where Enter does, Shift+Enter breaks the
    line. GUI thread."""

    submitted = Signal()
    given_up = Signal()

    def __init__(self, *, least_lines: int = 1, enter_submits: bool = True) -> None:
        super().__init__()
        self._least_lines = least_lines
        self._enter_submits = enter_submits
        self.setProperty("look", "field")
        self.setTabChangesFocus(True)
        self.textChanged.connect(self.fit)

    def fit(self) -> None:
        """Take the height of the text, up to a limit."""
        lines = max(self._least_lines, min(MOST_EDITED_LINES, int(self.document().size().height())))
        self.setFixedHeight(self.fontMetrics().lineSpacing() * lines + 24)

    def event(self, event: QEvent) -> bool:
        """Take Escape ahead of the shortcuts."""
        return keeps_escape(event) or super().event(event)

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
