"""Keep what is typed before there is the text that it is for."""

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QWidget


class EarlyTyping(QObject):
    """Holds what is typed in editors that are for reading only until the last texts are back. GUI thread."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._held: list[QEvent] = []
        self._editors: list[QWidget] = []
        self._over = False

    def watch(self, editor: QWidget) -> None:
        """Hold what is typed there, too, until `stop`."""
        if not self._over:
            self._editors.append(editor)
            editor.installEventFilter(self)

    def type_into(self, editor: QWidget) -> None:
        """Type there what was held, and hold nothing more."""
        self.stop()
        held, self._held = self._held, []
        for event in held:
            QApplication.sendEvent(editor, event)

    def stop(self) -> None:
        """Hold nothing more: what is typed from now on is meant for something else."""
        self._over = True
        for editor in self._editors:
            if shiboken6.isValid(editor):
                editor.removeEventFilter(self)
        self._editors.clear()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Take what would be written."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and _writes(event):
            self._held.append(QKeyEvent(event.type(), event.key(), event.modifiers(), event.text()))
            return True
        if isinstance(event, QInputMethodEvent):
            if event.commitString() or event.preeditString():
                self._held.append(event.clone())
            return True
        return False


def _writes(event: QKeyEvent) -> bool:
    """Tell whether a key changes the text: it types, breaks the line, deletes or pastes."""
    if event.matches(QKeySequence.StandardKey.Paste):
        return True
    held = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    # Both together are AltGr on Windows.
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    types = bool(event.text()) and event.key() != Qt.Key.Key_Escape
    return types and held in (Qt.KeyboardModifier.NoModifier, both)
