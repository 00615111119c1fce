"""The order of widgets for the Tab key and for a screen reader, which is that of their making unless told."""

from collections.abc import Iterator

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def put_before(widget: QWidget, other: QWidget) -> None:
    """Let `widget`, with all in it, come before `other`, which has the same parent."""
    widget.stackUnder(other)
    keep_order(widget)


def keep_order(widget: QWidget) -> None:
    """Let the Tab key come to `widget`, and all in it, where it stands among the children around it."""
    stops = _stops(widget)
    # Most of what a reply is made of has none, and to look around for its place takes longest.
    before = _stop_ahead(widget) if stops else None
    if before is not None:
        for stop in stops:
            QWidget.setTabOrder(before, stop)
            before = stop


def _stop_ahead(widget: QWidget) -> QWidget | None:
    """The last stop of the Tab key that comes before `widget` in the tree of its window. Widgets of Qt's own,
    such as viewports, are passed over: PySide ends what they are asked for with their Python objects."""
    around = widget.parentWidget()
    while around is not None and not widget.isWindow():
        if shiboken6.createdByPython(around):
            for child in _children_before(widget, around):
                if stops := _stops(child):
                    return stops[-1]
            if around.focusPolicy() & Qt.FocusPolicy.TabFocus:
                return around
        widget, around = around, around.parentWidget()
    return None


def _children_before(widget: QWidget, around: QWidget) -> Iterator[QWidget]:
    """Go back through the widgets of ours that come before `widget`, from the last one on."""
    children = around.children()
    place = children.index(widget) if widget in children else 0
    for child in reversed(children[:place]):
        if isinstance(child, QWidget) and shiboken6.createdByPython(child) and not child.isWindow():
            yield child


def _stops(widget: QWidget) -> list[QWidget]:
    """List what the Tab key can come to in `widget`, from the first on."""
    return [
        each
        for each in (widget, *widget.findChildren(QWidget))
        if each.focusPolicy() & Qt.FocusPolicy.TabFocus and not each.isWindow()
    ]
