"""The card above the composer that says what the input filter did with a message."""

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.chat.chat_title import shortened
from app.chat.documents.hidden_characters import with_hidden_shown
from app.ui.base.announce import announce
from app.ui.base.resource_words import rule_words
from app.ui.base.theme import Theme
from app.ui.widgets.card import Card, button, label

QUOTE_CHARACTERS = 40


class FilterNotice(Card):
    """Hidden until there is something to say. GUI thread."""

    filters_requested = Signal()
    """Show the rules."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, look="notice", margin_px=0)
        self._theme = theme
        self._blocked = False
        self._icon = label()
        self._icon.setFixedWidth(18)
        self._text = label("", wrap=True)
        self._filters = button(self.tr("Input filter"), "quiet")
        self._filters.clicked.connect(self.filters_requested)
        self._close = button("", "quiet", name=self.tr("Close this notice"))
        self._close.clicked.connect(self.hide)
        row = QHBoxLayout()
        row.setContentsMargins(14, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(self._filters)
        row.addWidget(self._close)
        self.body.addLayout(row)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()
        self.hide()

    @property
    def text(self) -> str:
        """The shown text; empty while hidden."""
        return "" if self.isHidden() else self._text.text()

    def show_blocked(self, rule: str, quote: str, *, earlier: bool, unfinished: bool) -> None:
        """A rule kept a message in; `quote` is what it found, empty where that is not in the message itself.
        `earlier`: it is an earlier message of the chat, which would be sent along."""
        if unfinished:
            words = self.tr(
                "Not sent: the filter rule “{rule}” did not finish in time. Make its expression simpler, or "
                "switch it off."
            )
        elif earlier:
            words = self.tr(
                "Not sent: the filter rule “{rule}” does not let an earlier message of this chat out. Edit "
                "that message, begin a new chat, or change the rule."
            )
        elif quote:
            words = self.tr("Not sent: the filter rule “{rule}” found “{quote}”. Your message stays below.")
        else:
            words = self.tr(
                "Not sent: the filter rule “{rule}” found something in what goes along with your message, "
                "which stays below."
            )
        shown = with_hidden_shown(shortened(quote, QUOTE_CHARACTERS)) if quote else ""
        self._show(words.format(rule=rule_words(rule), quote=shown), blocked=True)

    def show_sent(
        self, redacted: Mapping[str, int], earlier: Mapping[str, int], flagged: Mapping[str, int]
    ) -> None:
        """Say what was taken out of the message and of earlier ones, and which rules only noticed something,
        each with how often; hide where nothing was found."""
        lines = [
            self.tr("Sent without what the rule “{rule}” took out ({count}).").format(
                rule=rule_words(rule), count=count
            )
            for rule, count in redacted.items()
        ]
        lines += [
            self.tr("Earlier messages go along without what the rule “{rule}” takes out ({count}).").format(
                rule=rule_words(rule), count=count
            )
            for rule, count in earlier.items()
        ]
        lines += [
            self.tr("The rule “{rule}” found something. The message was sent as it is.").format(
                rule=rule_words(rule)
            )
            for rule in flagged
        ]
        if lines:
            self._show("\n".join(lines), blocked=False)
        else:
            self.hide()

    def _show(self, text: str, *, blocked: bool) -> None:
        self._blocked = blocked
        self._text.setText(text)
        self._draw_icons()
        self.show()
        announce(self, text)

    def _draw_icons(self) -> None:
        icon = (
            self._theme.icon("prohibit", "danger") if self._blocked else self._theme.icon("funnel", "warning")
        )
        self._icon.setPixmap(icon.pixmap(16, 16))
        self._close.setIcon(self._theme.icon("x"))
