"""The order of widgets for the Tab key and for a screen reader, which is that of their making unless told."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def put_before(widget: QWidget, other: QWidget) -> None:
    """Let `widget`, with all in it, come before `other`, which has the same parent."""
    widget.stackUnder(other)
    keep_order(widget)


def keep_order(widget: QWidget) -> None:
    """Let the Tab key come to `widget`, and all in it, where it stands among the children around it."""
    own, following = _stops(widget), _stop_behind(widget)
    if own and following is not None:
        before = _stop_before(following, own)
        for stop in own:
            QWidget.setTabOrder(before, stop)
            before = stop


def _stop_before(stop: QWidget, besides: list[QWidget]) -> QWidget:
    """The stop from which the Tab key comes to `stop`; that one itself where there is no other."""
    before = stop.previousInFocusChain()
    while before is not None and before is not stop:
        if before.focusPolicy() & Qt.FocusPolicy.TabFocus and before not in besides:
            return before
        before = before.previousInFocusChain()
    return stop


def _stop_behind(widget: QWidget) -> QWidget | None:
    """The first stop of the Tab key that comes behind all of `widget` in the tree of its window."""
    around = widget.parentWidget()
    while around is not None and not widget.isWindow():
        children = [child for child in around.children() if isinstance(child, QWidget)]
        for child in children[children.index(widget) + 1 :]:
            if not child.isWindow() and (stops := _stops(child)):
                return stops[0]
        widget, around = around, around.parentWidget()
    return None


def _stops(widget: QWidget) -> list[QWidget]:
    """List what the Tab key can come to in `widget`, from the first on."""
    return [
        each
        for each in (widget, *widget.findChildren(QWidget))
        if each.focusPolicy() & Qt.FocusPolicy.TabFocus and not each.isWindow()
    ]
