"""The card above the composer when a chat has outgrown the context: what does not fit, and what to do."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.chat.chat_title import shortened
from app.chat.library.reply_choices import WhenFull
from app.chat.prompting.context import ContextPlan
from app.ui.base.announce import announce
from app.ui.base.theme import Theme
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.flow_row import FlowRow

QUOTE_CHARACTERS = 40


class ContextNotice(Card):
    """Says what does not fit before anything is sent, and offers the ways on. GUI thread."""

    chosen = Signal(str)
    """The user's choice for this chat from now on (`WhenFull`); other than "ask" and "stop" it also sends."""
    new_chat_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, look="notice", margin_px=0)
        self._theme = theme
        self._icon = label()
        self._icon.setFixedWidth(18)
        self._text = label("", wrap=True)
        self._new_chat = button(self.tr("New chat"), "quiet")
        self._new_chat.clicked.connect(self.new_chat_requested)
        self._buttons: dict[WhenFull, QWidget] = {}
        top = QHBoxLayout()
        top.setContentsMargins(14, 8, 12, 0)
        top.setSpacing(8)
        top.addWidget(self._icon)
        top.addWidget(self._text, 1)
        row = FlowRow()
        row.setContentsMargins(8, 0, 8, 8)
        row.add(self._new_chat)
        choices: tuple[tuple[WhenFull, str, str], ...] = (
            ("ask", self.tr("Choose otherwise"), ""),
            (
                "stop",
                self.tr("Send nothing more"),
                self.tr("This chat ends here until you choose otherwise."),
            ),
            (
                "drop",
                self.tr("Leave out and send"),
                self.tr("The model does not see the oldest messages, from now on in this chat."),
            ),
            (
                "summarise",
                self.tr("Summarise and send"),
                self.tr("The model writes what stands for the oldest messages, from now on in this chat."),
            ),
        )
        for choice, text, tip in choices:
            made = button(text, "primary" if choice == "summarise" else "plain", tip=tip)
            made.setAccessibleName(text)
            made.clicked.connect(lambda _=False, choice=choice: self.chosen.emit(choice))
            self._buttons[choice] = made
            row.add(made)
        self.body.setSpacing(6)
        self.body.addLayout(top)
        self.body.addLayout(row)
        theme.changed.connect(self._draw_icon)
        self._draw_icon()
        self.hide()

    @property
    def text(self) -> str:
        """The sentence that is shown."""
        return self._text.text()

    @property
    def offers(self) -> list[str]:
        """The choices that can be made now."""
        return [choice for choice, made in self._buttons.items() if not made.isHidden()]

    def show_plan(self, plan: ContextPlan, when_full: WhenFull, said_tokens: int = 0) -> None:
        """Say what `plan` leaves out and what this chat does then; hidden when it leaves nothing out.
        `said_tokens` are those of a reply that is to go on."""
        full = bool(plan.dropped) and plan.fits
        before = "" if self.isHidden() else self.text
        if not plan.fits and said_tokens:
            self._text.setText(
                self.tr(
                    "The reply cannot go on: with its prompt it takes {needed} tokens, and the context holds"
                    " {total}. Load the model with a larger context."
                ).format(
                    needed=f"{plan.prompt_tokens + said_tokens:,}",
                    total=f"{plan.context_tokens + said_tokens:,}",
                )
            )
        elif not plan.fits:
            self._text.setText(
                self.tr(
                    "This message is too long: it takes {needed} of the context's {total} tokens and leaves"
                    " no room for a reply. Shorten it, or load the model with a larger context."
                ).format(needed=f"{plan.prompt_tokens:,}", total=f"{plan.context_tokens:,}")
            )
        elif plan.dropped:
            first = shortened(plan.dropped[0].content, QUOTE_CHARACTERS)
            self._text.setText(self._sentence(when_full).format(count=len(plan.dropped), first=first))
        for choice, made in self._buttons.items():
            made.setVisible(full and ((choice == "ask") != (when_full == "ask")))
        self._new_chat.setVisible(not plan.fits or when_full in ("ask", "stop"))
        self.setVisible(full or not plan.fits)
        if not self.isHidden() and self.text != before:
            announce(self, self.text)

    def _sentence(self, when_full: WhenFull) -> str:
        match when_full:
            case "ask":
                return self.tr(
                    "The chat is longer than the context. The model will not see the {count} oldest messages,"
                    " from “{first}” on, which are struck through. They stay in the chat."
                )
            case "drop":
                return self.tr(
                    "The model does not see the {count} oldest messages, from “{first}” on. They stay in the"
                    " chat."
                )
            case "summarise":
                return self.tr(
                    "The {count} oldest messages, from “{first}” on, do not fit. The model sums them up"
                    " before this message is sent."
                )
            case "stop":
                return self.tr(
                    "The chat is longer than the context: the {count} oldest messages, from “{first}” on, do"
                    " not fit. Nothing is sent, as you chose for this chat."
                )

    def _draw_icon(self) -> None:
        self._icon.setPixmap(self._theme.icon("warning", "warning").pixmap(16, 16))
