"""Escape in a field that needs it, ahead of the shortcut that stops a reply (chat_actions.py)."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent


def keeps_escape(event: QEvent) -> bool:
    """Claim Escape for a field, in its `event`: True where this was it, which then comes as a key press."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    if event.key() != Qt.Key.Key_Escape:
        return False
    event.accept()
    return True
