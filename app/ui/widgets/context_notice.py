"""The line above the composer when a chat has outgrown the context: what would be left out."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.chat.context import ContextPlan
from app.chat.title import shortened
from app.ui.theme import Theme
from app.ui.widgets.card import Card, button, label

QUOTE_CHARACTERS = 40


class ContextNotice(Card):
    """Says what would be dropped before it is sent. GUI thread."""

    accepted = Signal()
    """Leave the oldest messages out, from now on in this chat, and send."""
    new_chat_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, look="notice", margin_px=0)
        self._theme = theme
        self._icon = label()
        self._icon.setFixedWidth(18)
        self._text = label("", wrap=True)
        self._accept = button(self.tr("Leave out and send"))
        self._accept.clicked.connect(self.accepted)
        self._new_chat = button(self.tr("New chat"), "quiet")
        self._new_chat.clicked.connect(self.new_chat_requested)
        row = QHBoxLayout()
        row.setContentsMargins(14, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(self._new_chat)
        row.addWidget(self._accept)
        self.body.addLayout(row)
        theme.changed.connect(self._draw_icon)
        self._draw_icon()
        self.hide()

    @property
    def text(self) -> str:
        """The sentence that is shown."""
        return self._text.text()

    def show_plan(self, plan: ContextPlan, *, accepted: bool) -> None:
        """Say what `plan` leaves out; hidden when it leaves nothing out. `accepted` drops the question."""
        self.setVisible(bool(plan.dropped) or not plan.fits)
        if not plan.fits:
            self._text.setText(
                self.tr(
                    "This message is too long: it takes {needed} of the context's {total} tokens and leaves"
                    " no room for a reply. Shorten it, or load the model with a larger context."
                ).format(needed=f"{plan.prompt_tokens:,}", total=f"{plan.context_tokens:,}")
            )
        elif plan.dropped:
            first = shortened(plan.dropped[0].content, QUOTE_CHARACTERS)
            self._text.setText(
                self.tr(
                    "The chat is longer than the context. The model will not see the {count} oldest messages,"
                    " from “{first}” on. They stay in the chat."
                ).format(count=len(plan.dropped), first=first)
            )
        self._accept.setVisible(plan.fits and not accepted)
        self._new_chat.setVisible(not accepted)

    def _draw_icon(self) -> None:
        self._icon.setPixmap(self._theme.icon("warning", "warning").pixmap(16, 16))
