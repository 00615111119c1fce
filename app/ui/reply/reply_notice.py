"""The sentences below a reply that did not simply end, and the ways on from there."""

from typing import NamedTuple

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from app.chat.store.records import CUT_OFF, Outcome
from app.engine.protocol import GenerationStats
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.reply.child_order import keep_order
from app.ui.widgets.card import Card, button, label

WAYS_BESIDE = 1
"""More buttons stand below the sentence: in a narrow column it would be broken after each word."""


class ReplyNotice(Card):
    """Says what a reply was cut off by, or its thoughts; offers to go on. GUI thread."""

    retry_requested = Signal()
    continue_requested = Signal()
    load_settings_requested = Signal()

    def __init__(self, theme: Theme, *, offers_ways: bool = True) -> None:
        """`offers_ways` False leaves out all buttons."""
        super().__init__(look="notice", margin_px=0)
        self._theme = theme
        self._offers_ways = offers_ways
        self._remark = self._end = ""
        self._why_not = self._why_not_continue = ""
        self._is_last = True
        self._is_held_back = False
        # Made when there is something to say: each reply of a chat has a notice, and most simply end.
        self._parts: _Parts | None = None
        self.hide()

    @property
    def remark(self) -> str:
        """The sentence about the thoughts, if any."""
        return self._remark

    @property
    def end(self) -> str:
        """The sentence about the end, if any."""
        return self._end

    def show_remark(self, sentence: str) -> None:
        """Say something while the reply is on its way, such as why its thoughts were ended."""
        self._remark = sentence
        self._show()

    def show_end(
        self,
        outcome: Outcome,
        stats: GenerationStats | None,
        error: str = "",
        *,
        has_answer: bool,
        has_text: bool,
    ) -> None:
        """Say how the reply ended, where it did not simply end; `error` is the sentence for a failure, and
        `has_text` says that something came, be it only thoughts."""
        self._end = self._end_sentence(outcome, error, has_answer=has_answer)
        self._remark = self._cut_remark(stats) or self._remark
        is_empty = outcome == "stop" and not has_answer
        wants_room = outcome == "context" or (stats is not None and stats.thinking_closed == "room")
        if self._remark or self._end:
            parts = self._made()
            for made, offered in (
                (parts.retry, outcome in ("failed", "interrupted") or is_empty),
                (parts.go_on, outcome in CUT_OFF and has_text),
                (parts.larger, wants_room),
            ):
                made.setVisible(self._offers_ways and offered)
        self._show()

    def go_on(self) -> None:
        """Say nothing any more: the reply goes on."""
        self._remark = self._end = ""
        self._is_held_back = False
        self._show()

    def hold_back(self, held: bool) -> None:
        """Set whether nothing is said, as the reply is about to go on."""
        self._is_held_back = held
        self._show()

    def offer_ways(self, offered: bool) -> None:
        """Set whether there are ways on from here: from the last reply of a chat there are."""
        self._is_last = offered
        if self._parts is not None:
            self._parts.ways.setVisible(offered)

    def offer(self, why_not: str, why_not_continue: str) -> None:
        """Set why nothing can be asked for now, and why the reply cannot go on; empty where it can."""
        self._why_not, self._why_not_continue = why_not, why_not_continue
        parts = self._parts
        if parts is not None:
            parts.retry.setEnabled(not why_not)
            parts.go_on.setEnabled(not (why_not or why_not_continue))
            set_tip(parts.retry, why_not or self.tr("Ask for another reply"))
            set_tip(parts.go_on, why_not or why_not_continue or self.tr("Go on where the reply was cut off"))

    def _end_sentence(self, outcome: Outcome, error: str, *, has_answer: bool) -> str:
        match outcome:
            case "failed":
                return error or self.tr("The engine stopped before the reply was complete.")
            case "interrupted":
                return self.tr("Stillroom was closed before this reply was complete. What had come is kept.")
            case "length":
                return self.tr("The reply reached the most tokens that this chat allows.")
            case "context":
                return self.tr("The context is full, so the reply ends here.")
            case "loop":
                return self.tr("The answer only repeated itself, so it was ended here.")
            case "cancelled":
                return self.tr("Stopped.")
            case "running" | "edited":
                return ""
            case _:
                return "" if has_answer else self.tr("The model gave no answer.")

    def _cut_remark(self, stats: GenerationStats | None) -> str:
        if stats is None:
            return ""
        match stats.thinking_closed:
            case "loop":
                text = self.tr(
                    "The model's thoughts were going in circles, so they were ended after {tokens} tokens."
                )
            case "room":
                text = self.tr(
                    "The context is nearly full, so the thoughts were ended after {tokens} tokens, to leave "
                    "room for an answer. With a larger context, in the load settings, they can go on for "
                    "longer."
                )
            case "budget" if stats.thinking_tokens:
                text = self.tr("The thoughts were ended after {tokens} tokens, at this chat's limit.")
            case _:
                return ""
        return text.format(tokens=f"{stats.thinking_tokens:,}")

    def _made(self) -> "_Parts":
        """Its widgets, which are made at the first time."""
        if self._parts is not None:
            return self._parts
        icon = label()
        icon.setFixedWidth(18)
        parts = self._parts = _Parts(
            icon,
            label("", wrap=True, selectable=True),
            QWidget(),
            self._way(self.tr("Larger context"), self.load_settings_requested),
            self._way(self.tr("Retry"), self.retry_requested),
            self._way(self.tr("Continue"), self.continue_requested),
            QHBoxLayout(),
            QHBoxLayout(),
        )
        # As the command says it.
        parts.go_on.setAccessibleName(self.tr("Continue the reply"))
        set_tip(parts.larger, self.tr("Load the model with a larger context"))
        row = QHBoxLayout(parts.ways)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for made in (parts.larger, parts.retry, parts.go_on):
            row.addWidget(made)
        parts.row.setContentsMargins(14, 8, 8, 8)
        parts.row.setSpacing(10)
        parts.row.addWidget(parts.icon)
        parts.row.addWidget(parts.text, 1)
        parts.row.addWidget(parts.ways)
        parts.below.setContentsMargins(14, 0, 8, 0)
        parts.below.addStretch(1)
        self.body.setSpacing(0)
        self.body.addLayout(parts.row)
        self.body.addLayout(parts.below)
        keep_order(self)
        self._theme.changed.connect(self._draw_icon)
        self._draw_icon()
        self.offer_ways(self._is_last)
        self.offer(self._why_not, self._why_not_continue)
        return parts

    def _way(self, text: str, wanted: SignalInstance) -> QPushButton:
        made = button(text)
        made.setAccessibleName(text)
        made.clicked.connect(wanted)
        made.hide()
        return made

    def _show(self) -> None:
        words = "\n".join(filter(None, (self._remark, self._end)))
        if words:
            parts = self._made()
            parts.text.setText(words)
            shown = [made for made in (parts.larger, parts.retry, parts.go_on) if not made.isHidden()]
            is_below = len(shown) > WAYS_BESIDE
            (parts.below if is_below else parts.row).addWidget(parts.ways, 0, Qt.AlignmentFlag.AlignTop)
            parts.below.setContentsMargins(14, 0, 8, 8 if is_below else 0)
        self.setVisible(bool(words) and not self._is_held_back)

    def _draw_icon(self) -> None:
        if self._parts is not None:
            self._parts.icon.setPixmap(self._theme.icon("warning", "warning").pixmap(16, 16))


class _Parts(NamedTuple):
    """The widgets: a sentence and the ways on, which stand in `row` or `below`."""

    icon: QLabel
    text: QLabel
    ways: QWidget
    larger: QPushButton
    retry: QPushButton
    go_on: QPushButton
    row: QHBoxLayout
    below: QHBoxLayout
