"""Layouts whose widgets come and go."""

from PySide6.QtWidgets import QLayout


def clear_layout(layout: QLayout) -> None:
    """Take every widget out of `layout` and hide it; it is deleted later, as one of them may be the caller.

    They keep their parent until then: without one, Python would delete them at once, under their own clicks.
    GUI thread.
    """
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
