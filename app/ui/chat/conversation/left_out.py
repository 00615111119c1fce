"""Mark a message that the model would not see any more."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget


def mark_left_out(widget: QWidget, left_out: bool) -> None:
    """Strike through what a message says, and tell a screen reader why; or take that back. GUI thread."""
    # Qt gives a font's strike-out to no child that a style sheet touched; a style sheet's reaches all.
    widget.setStyleSheet("QLabel { text-decoration: line-through; }" if left_out else "")
    widget.setAccessibleDescription(
        QCoreApplication.translate("left_out", "The model will not see this message.") if left_out else ""
    )
