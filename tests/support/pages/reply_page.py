"""A reply as somebody sees it: the line above its thinking, its code, what is in sight of it."""

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QPlainTextEdit, QPushButton, QScrollArea, QWidget

from app.ui.reply.block_frame import BlockFrame
from app.ui.reply.code_card import CodeCard
from app.ui.reply.formula_card import FormulaCard
from app.ui.reply.markdown_view import AHEAD_SCREENS, MarkdownView
from app.ui.reply.thinking_line import ThinkingLine
from app.ui.reply.visible_zone import Zone, wider
from tests.support.widgets import seen


def head_of(line: ThinkingLine) -> QPushButton:
    """Find what is clicked to unfold the thinking: a screen reader names it by its own words."""
    return seen(line, QPushButton, line.summary)


def code_of(card: CodeCard) -> QPlainTextEdit:
    """The text of a code block."""
    return seen(card, QPlainTextEdit)


def seen_zone(view: QWidget, area: QScrollArea) -> Zone:
    """The part of the view that its scroll area shows, in the view's pixels."""
    top = view.mapFrom(area.viewport(), QPoint(0, 0)).y()
    return top, top + area.viewport().height()


def blocks_in(view: MarkdownView, zone: Zone) -> list[BlockFrame]:
    """The blocks of which something lies in the zone."""
    top, bottom = zone
    return [frame for frame in view.frames if frame.bottom > top and frame.top < bottom]


def is_settled(view: MarkdownView, area: QScrollArea) -> bool:
    """Tell whether nothing is to be drawn, built or laid out any more of a view in a scroll area."""
    waits = any(
        isinstance(frame.content, FormulaCard) and frame.content.waits_for_formulas for frame in view.frames
    )
    near = blocks_in(view, wider(seen_zone(view, area), AHEAD_SCREENS)) if view.isVisible() else []
    has_its_height = view.height() in (view.heightForWidth(view.width()), 0)
    return not waits and has_its_height and all(frame.is_built for frame in near)
