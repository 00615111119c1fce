"""The questions about code and their replies, one below the other, which stays at its end."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.chat.markdown.text_selection import TextKey
from app.ui.chat.conversation.left_out import mark_left_out
from app.ui.code.conversation.code_exchange import CodeExchange
from app.ui.reply.child_order import keep_order
from app.ui.reply.selectable_text import ShownText
from app.ui.reply.selection_area import SelectionArea
from app.ui.widgets.card import label, rule

NEAR_END_PX = 24


class CodeHistory(SelectionArea):
    """Holds the exchanges; new content is followed unless the user has scrolled up or is selecting with the
    mouse. GUI thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.exchanges: list[CodeExchange] = []
        self._remembered: list[CodeExchange] = []
        self._left_out = 0
        self._begun = 0
        self._follow = True
        page = QWidget()
        page.setProperty("look", "page")
        self._list = QVBoxLayout(page)
        self._list.setContentsMargins(4, 4, 8, 4)
        self._list.setSpacing(20)
        self._empty = label(
            self.tr(
                "Select some lines, then choose one of the buttons above, or ask in your own words below. "
                "Without a selection the question is about the whole file.\n\n"
                "Code in a reply is checked for syntax at once, and shown as changes that you accept one by "
                "one. It is run only when you press Run, in a sandbox."
            ),
            "muted",
            wrap=True,
        )
        self._list.addWidget(self._empty)
        self._list.addStretch()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Questions and answers about the code"))
        self.setWidget(page)
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range_changed)
        bar.valueChanged.connect(self._on_scrolled)

    @property
    def left_out(self) -> list[CodeExchange]:
        """The exchanges that are struck through."""
        return self._remembered[: self._left_out]

    def add(self, exchange: CodeExchange) -> None:
        """Put a new exchange at the end, and follow it."""
        self.exchanges.append(exchange)
        self._empty.hide()
        self._append(exchange)
        exchange.reply.selected_by_keys.connect(self.select_by_keys)
        exchange.reply.thinking.toggled.connect(self.show_selection)
        self._follow = True

    @property
    def present(self) -> list[CodeExchange]:
        """The exchanges since it was started over."""
        return self.exchanges[self._begun :]

    @property
    def remembered(self) -> list[CodeExchange]:
        """The exchanges that the next question in the user's own words follows up on."""
        return self._remembered

    def remember(self, exchange: CodeExchange) -> None:
        """Let the next question in the user's own words follow up on this one too."""
        self._remembered.append(exchange)

    def strike(self, oldest: int) -> None:
        """Strike through so many of the oldest remembered exchanges: the model would not see them."""
        if oldest != self._left_out:
            self._left_out = oldest
            for number, exchange in enumerate(self._remembered):
                mark_left_out(exchange, number < oldest)

    def start_over(self) -> None:
        """Draw a line below what was said, of which nothing is remembered."""
        self.strike(0)
        self._remembered.clear()
        self._begun = len(self.exchanges)
        self._append(rule())
        self._append(label(self.tr("From here on the model knows nothing of the above."), "small"))

    def shown_texts(self) -> list[ShownText]:
        """The texts of the replies, from the top."""
        return [
            ShownText(TextKey(number, part), text, text)
            for number, exchange in enumerate(self.exchanges)
            for part, text in exchange.reply.texts
            if text.blocks
        ]

    def _append(self, part: QWidget) -> None:
        """Add to the list, above the stretch at its end."""
        self._list.insertWidget(self._list.count() - 1, part)
        # The question's field was made before it.
        keep_order(part)

    def _on_range_changed(self, _smallest: int, largest: int) -> None:
        if self._follow and not self.is_dragging:
            self.verticalScrollBar().setValue(largest)

    def _on_scrolled(self, value: int) -> None:
        self._follow = value >= self.verticalScrollBar().maximum() - NEAR_END_PX
