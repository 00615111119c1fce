"""The model's thinking before its answer: one quiet line until it is opened."""

import re

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.chat.chat_title import shortened
from app.ui.base.durations import duration, exact_duration
from app.ui.base.theme import Theme
from app.ui.reply.child_order import keep_order
from app.ui.reply.markdown_view import MarkdownView
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.push_buttons import PushButton


class ThinkingLine(Card):
    """A folded line with the seconds and tokens of the thinking; a click, Enter or Space opens the text.

    GUI thread only. While it is folded, the text is kept and not laid out.
    """

    toggled = Signal(bool)
    answer_now_requested = Signal()
    """The user does not want to wait for the end of the thinking."""
    selected_by_keys = Signal(object, object, object)
    """As `MarkdownView.selected_by_keys`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, margin_px=0)
        self._theme = theme
        self._pieces: list[str] = []
        self._running = False
        self._view: MarkdownView | None = None
        self._head = _Head(theme)
        self._head.clicked.connect(lambda: self.set_open(not self.is_open))
        self._head.answer_now.clicked.connect(self._on_answer_now)
        self.body.setSpacing(0)
        self.body.addWidget(self._head)
        self._inner = QVBoxLayout()
        self.body.addLayout(self._inner)
        theme.changed.connect(self._draw_chevron)
        self._draw_chevron()

    @property
    def text(self) -> str:
        """The thinking so far."""
        return "".join(self._pieces)

    @property
    def is_open(self) -> bool:
        """Tell whether the text is shown."""
        return self._view is not None

    @property
    def view(self) -> MarkdownView | None:
        """The text where it is shown."""
        return self._view

    @property
    def summary(self) -> str:
        """The line's own words."""
        return self._head.summary.text()

    def begin(self) -> None:
        """Show that the model is thinking, or thinks on."""
        self._running = True
        self._head.answer_now.setEnabled(True)
        self._head.answer_now.show()
        self.count(0.0, 0)
        if self._view is not None:
            self._view.go_on(self.text)

    def add(self, text: str) -> None:
        """Add text of the thinking."""
        self._pieces.append(text)
        self._head.set_step(last_step(self._tail()))
        if self._view is not None:
            self._view.append(text)

    def count(self, elapsed_s: float, tokens: int) -> None:
        """Show how long it has been thinking, and how many tokens."""
        self._head.set_summary(
            self.tr("Thinking… {duration} · {tokens} tokens").format(
                duration=duration(elapsed_s), tokens=f"{tokens:,}"
            )
        )

    def finish(self, elapsed_s: float | None, tokens: int | None, *, answered: bool = False) -> None:
        """End the thinking; None where nobody measured it. `answered`: an answer followed anyway."""
        self._running = False
        self._head.answer_now.hide()
        if elapsed_s is None or tokens is None:
            self._head.set_summary(self.tr("Thought") if answered else self.tr("Thought, not finished"))
        else:
            self._head.set_summary(
                self.tr("Thought for {duration} · {tokens} tokens").format(
                    duration=exact_duration(elapsed_s), tokens=f"{tokens:,}"
                )
            )
        if self._view is not None:
            self._view.finish()

    def set_text(self, text: str) -> None:
        """Show finished thinking."""
        self._pieces = [text]
        self._head.set_step(last_step(text))
        if self._view is not None:
            self._view.set_text(text)

    def set_open(self, is_open: bool) -> None:
        """Unfold or fold the text."""
        if is_open == self.is_open:
            return
        if is_open:
            self._view = MarkdownView(self._theme, self, muted=True, offers_to_code=False)
            self._view.selected_by_keys.connect(self.selected_by_keys)
            if self._running:
                self._view.append(self.text)
            else:
                self._view.set_text(self.text, in_steps=True)
            self._inner.addWidget(self._view)
            keep_order(self._view)
        elif self._view is not None:
            self._inner.removeWidget(self._view)
            self._view.hide()
            self._view.deleteLater()
            self._view = None
        self._inner.setContentsMargins(16, 0, 16, 14 if is_open else 0)
        self._draw_chevron()
        self._head.show_open(is_open)
        self.toggled.emit(is_open)

    def ask_for_answer(self) -> None:
        """Ask for the answer now; nothing where it is not thinking, or was asked already."""
        if self._running and self._head.answer_now.isEnabled():
            self._on_answer_now()

    def _on_answer_now(self) -> None:
        self._head.answer_now.setEnabled(False)
        self.answer_now_requested.emit()

    def _tail(self) -> str:
        tail: list[str] = []
        length = 0
        for piece in reversed(self._pieces):
            tail.append(piece)
            length += len(piece)
            if length > 2000:
                break
        return "".join(reversed(tail))

    def _draw_chevron(self) -> None:
        icon = self._theme.icon("caret-down" if self.is_open else "caret-right")
        self._head.chevron.setPixmap(icon.pixmap(14, 14))


class _Head(PushButton):
    """The line itself: a button over its whole width."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setProperty("kind", "line")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.chevron = QLabel()
        self.chevron.setFixedWidth(14)
        self.summary = label("", "muted")
        self._step = ElidedLabel("small")
        self._step.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._step.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(15, 8, 15, 8)
        row.setSpacing(12)
        row.addWidget(self.chevron)
        row.addWidget(self.summary)
        row.addWidget(self._step, 1)
        self.answer_now = button(
            self.tr("Answer now"), "quiet", tip=self.tr("End the thinking here and begin the answer")
        )
        self.answer_now.hide()
        row.addWidget(self.answer_now)

    def set_summary(self, text: str) -> None:
        self.summary.setText(text)
        self.setAccessibleName(text)

    def set_step(self, words: str) -> None:
        self._step.setText(f"“{words}”" if words else "")

    def show_open(self, is_open: bool) -> None:
        self._step.setVisible(not is_open)
        self.setAccessibleDescription(
            self.tr("The thinking is shown.") if is_open else self.tr("The thinking is folded.")
        )

    def sizeHint(self) -> QSize:  # noqa: N802
        return self._row.sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return self._row.minimumSize()


LAST_STEP_CHARACTERS = 48
TAIL_CHARACTERS = 4000


def last_step(thinking: str) -> str:
    """The first words of the last paragraph that has begun, as plain text; empty before there is one.

    Looks at the end only, so that it costs the same however long the thinking is.
    """
    for paragraph in reversed(re.split(r"\n\s*\n", thinking[-TAIL_CHARACTERS:])):
        words = re.sub(r"[*_`#]+|\\[()\[\]]", "", paragraph).strip()
        if words:
            return shortened(words, LAST_STEP_CHARACTERS)
    return ""
