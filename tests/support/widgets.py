"""Finding what a user could see and click."""

from PySide6.QtWidgets import QLabel, QPushButton, QWidget


def seen_button(parent: QWidget, text: str) -> QPushButton:
    """The one button with this text or accessible name that is not hidden, or about to be deleted."""
    found = [
        each
        for each in parent.findChildren(QPushButton)
        if text in (each.text(), each.accessibleName()) and each.isVisibleTo(parent)
    ]
    assert len(found) == 1, [each.text() for each in parent.findChildren(QPushButton)]
    return found[0]


def seen_words(parent: QWidget) -> str:
    """What the labels say, one a line."""
    return "\n".join(label.text() for label in parent.findChildren(QLabel) if label.isVisibleTo(parent))
