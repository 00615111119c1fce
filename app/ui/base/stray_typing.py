"""Typing and pasting where nothing can be written, which is meant for the field of the page."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QPlainTextEdit


def means_text(event: QKeyEvent) -> bool:
    """Tell whether a key types or pastes something."""
    if event.matches(QKeySequence.StandardKey.Paste):
        return True
    held = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    # Both together are AltGr on Windows.
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    text = event.text()
    return bool(text.strip()) and text.isprintable() and held in (Qt.KeyboardModifier.NoModifier, both)


def type_into(field: QPlainTextEdit, event: QKeyEvent) -> None:
    """Let a key that `means_text` do in the field what it means, and go on typing there."""
    field.setFocus()
    if event.matches(QKeySequence.StandardKey.Paste):
        field.paste()
    else:
        field.insertPlainText(event.text())
