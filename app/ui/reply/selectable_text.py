"""Texts of messages that can be selected, and the places in them: from a point, and as a rectangle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QWidget

from app.chat.markdown.block_text import Selectable
from app.chat.markdown.text_selection import BlockPlace, BlockRange, TextKey, TextPlace


class SelectableText(Protocol):
    """A widget that shows blocks, in which a selection can begin and end. GUI thread."""

    @property
    def blocks(self) -> Sequence[Selectable]:
        """The blocks that it shows."""

    def place_at(self, point: QPoint) -> BlockPlace:
        """The place that is nearest to a point of the widget, which has blocks."""

    def caret_at(self, place: BlockPlace) -> QRect:
        """Where in the widget a caret would stand."""

    def reveal(self, place: BlockPlace) -> None:
        """Scroll a block sideways to where a caret would stand."""

    def show_selection(self, selected: BlockRange | None) -> None:
        """Show some of it as selected, now and while it scrolls and grows."""


@dataclass(frozen=True, slots=True)
class ShownText:
    """A text of a message with its widget: `text` and `widget` are one object."""

    key: TextKey
    text: SelectableText
    widget: QWidget


def place_near(texts: Sequence[ShownText], viewport: QWidget, point: QPoint) -> TextPlace | None:
    """The place that is nearest to a point of the viewport; None without any text."""
    nearest: ShownText | None = None
    nearest_px = 0
    for shown in texts:
        top = shown.widget.mapTo(viewport, QPoint(0, 0)).y()
        away_px = max(top - point.y(), point.y() - top - shown.widget.height(), 0)
        if nearest is None or away_px < nearest_px:
            nearest, nearest_px = shown, away_px
        if not away_px:
            break
    if nearest is None:
        return None
    inside = nearest.widget.mapFrom(viewport, point)
    inside.setY(min(max(inside.y(), 0), nearest.widget.height() - 1))
    return TextPlace(nearest.key, *nearest.text.place_at(inside))


def caret_in(texts: Sequence[ShownText], viewport: QWidget, place: TextPlace) -> QRect | None:
    """Where in the viewport a caret would stand, also outside of what it shows."""
    for shown in texts:
        if shown.key == place.text:
            rect = shown.text.caret_at(BlockPlace(place.block, place.offset))
            return rect.translated(shown.widget.mapTo(viewport, QPoint(0, 0)))
    return None
