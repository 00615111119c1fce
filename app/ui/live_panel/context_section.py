"""Show how full the context is."""

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.telemetry.rates import ChatRate, Rates
from app.ui.base.plain_text import set_tip
from app.ui.widgets.card import label


class ContextSection(QWidget):
    """Tokens in the context of the chat that is followed, or of the newest reply, and how many fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._used = label("", "title")
        self._limit = label("", "unit")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Context in use"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._used)
        row.addWidget(self._limit, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(label(self.tr("CONTEXT"), "caption"))
        layout.addLayout(row)
        layout.addSpacing(2)
        layout.addWidget(self._bar)
        set_tip(
            self,
            self.tr(
                "What the newest reply took of all that the model can see at once, its thinking included. "
                "What would be sent next stands below the message field."
            ),
        )
        self.show_rates(Rates())

    def show_rates(self, rates: Rates, chat: ChatRate | None = None, without: str = "") -> None:
        """Show the fill, of `chat` where one is followed; where there is no context, `without` says why."""
        tokens = rates.context_tokens if chat is None else chat.context_tokens
        limit = rates.context_limit if chat is None else chat.context_limit
        runs = bool(rates.replies) if chat is None else chat.tok_per_s is not None
        if limit:
            self._used.setText("–" if tokens is None else f"{tokens:,}")
            has_ended = bool(tokens) and not runs
            text = self.tr("of {limit} tokens, last reply") if has_ended else self.tr("of {limit} tokens")
            self._limit.setText(text.format(limit=f"{limit:,}"))
        else:
            self._used.setText("–")
            self._limit.setText(without or self.tr("no model loaded"))
        fill = min(tokens or 0, limit)
        if (self._bar.maximum(), self._bar.value()) == (max(1, limit), fill):
            return
        # A progress bar paints itself and all that waits within setValue, in the middle of a frame.
        self._bar.setUpdatesEnabled(False)
        self._bar.setRange(0, max(1, limit))
        self._bar.setValue(fill)
        self._bar.setUpdatesEnabled(True)
