"""The summary of a chat's oldest messages: written by the model, folded, open to changes."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from app.chat.markdown.text_selection import Part
from app.chat.store.summary import Summary
from app.ui.base.theme import Theme
from app.ui.reply.edit_field import EditField
from app.ui.reply.rich.wrapped_text import WrappedText
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.push_buttons import PushButton
from app.ui.widgets.text_field import refuses_to_edit


class SummaryCard(Card):
    """A folded line that opens on a click, Enter or Space. GUI thread.

    While the model writes: `begin`, then `add` as the words come. Kept: `show_summary`.
    """

    changed = Signal(object, str)
    """This `Summary` is to say that from now on."""
    typed = Signal(object, str)
    """The words of this `Summary` while it is changed; empty where they are its own."""
    removed = Signal(object)
    """This `Summary` is not wanted: the messages themselves go to the model again."""
    cancel_requested = Signal()
    editing_ended = Signal()
    """The field is gone, and with it the keyboard's place."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, look="sunken", margin_px=0)
        self._theme = theme
        self._summary: Summary | None = None
        self._pieces: list[str] = []
        self._count = 0
        self._head = PushButton()
        self._head.setProperty("kind", "quiet")
        self._head.setCursor(Qt.CursorShape.PointingHandCursor)
        self._head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._head.setStyleSheet("text-align: left;")
        self._head.clicked.connect(lambda: self.set_open(not self.is_open))
        self._cancel = button(self.tr("Cancel"))
        self._cancel.clicked.connect(self.cancel_requested)
        self._note = label(
            self.tr("The model gets this in place of the messages above, which stay in the chat."),
            "small",
            wrap=True,
        )
        self._text = WrappedText()
        self._field = EditField(least_lines=3, enter_submits=False)
        self._field.setAccessibleName(self.tr("Summary"))
        self._field.textChanged.connect(self._on_typed)
        self._field.given_up.connect(self._give_up_editing)
        self._field.submitted.connect(self._on_save)
        self._edit = button(self.tr("Edit"), "quiet")
        self._edit.clicked.connect(self.start_editing)
        self._remove = button(
            self.tr("Remove"), "quiet", tip=self.tr("Send the messages themselves to the model again")
        )
        self._remove.clicked.connect(lambda: self.removed.emit(self._summary))
        self._give_up = button(self.tr("Cancel"))
        self._give_up.clicked.connect(self._give_up_editing)
        self._save = button(self.tr("Save"), "primary")
        self._save.clicked.connect(self._on_save)
        head = QHBoxLayout()
        head.setContentsMargins(6, 4, 8, 4)
        head.addWidget(self._head, 1)
        head.addWidget(self._cancel)
        self._inner = Card(margin_px=0, look="sunken")
        self._inner.body.setContentsMargins(16, 0, 12, 10)
        for widget in (self._note, self._text, self._field):
            self._inner.body.addWidget(widget)
        foot = QHBoxLayout()
        foot.setSpacing(4)
        foot.addStretch(1)
        for made in (self._edit, self._remove, self._give_up, self._save):
            foot.addWidget(made)
        self._inner.body.addLayout(foot)
        self.body.setSpacing(0)
        self.body.addLayout(head)
        self.body.addWidget(self._inner)
        theme.changed.connect(self._draw_icons)
        self.set_open(False)

    @property
    def title(self) -> str:
        """The line's own words."""
        return self._head.text().replace("&&", "&")

    @property
    def text(self) -> str:
        """The summary so far."""
        return "".join(self._pieces)

    @property
    def is_open(self) -> bool:
        """Tell whether the text is shown."""
        return not self._inner.isHidden()

    @property
    def texts(self) -> list[tuple[Part, WrappedText]]:
        """The text where it is shown and not edited."""
        return [(Part.NOTE, self._text)] if self.is_open and not self._text.isHidden() else []

    def begin(self, count: int) -> None:
        """The model begins to write for the `count` oldest messages."""
        self._summary, self._pieces, self._count = None, [], count
        self._head.setText(self.tr("Summarising the {count} oldest messages…").format(count=count))
        self._cancel.show()
        self._text.set_text("")
        self._show_editing(False)
        self.set_open(True)

    def add(self, text: str) -> None:
        """More of it."""
        self._pieces.append(text)
        self._text.set_text(self.text)

    def show_summary(self, summary: Summary, count: int, words: str = "") -> None:
        """Show a kept summary of the first `count` messages, folded; open where it is being changed to
        `words`."""
        self._summary, self._pieces, self._count = summary, [summary.text], count
        title = (
            self.tr("Summary of the {count} messages above, by {model}")
            if summary.model
            else self.tr("Summary of the {count} messages above, changed by you")
        )
        self._head.setText(title.format(count=count, model=summary.model).replace("&", "&&"))
        self._cancel.hide()
        self._text.set_text(summary.text)
        is_changed = bool(words) and words != summary.text
        if is_changed and self._field.toPlainText() != words:
            self._field.fill(words)
        self._show_editing(is_changed)
        self.set_open(is_changed)
        if is_changed:
            self._field.fit()

    def set_open(self, is_open: bool) -> None:
        """Unfold or fold the text."""
        self._inner.setVisible(is_open)
        self._head.setAccessibleDescription(
            self.tr("The summary is shown.") if is_open else self.tr("The summary is folded.")
        )
        self._draw_icons()

    def start_editing(self) -> None:
        """Change the text in its place."""
        if refuses_to_edit(self.text, self):
            return
        self._field.fill(self.text)
        self._show_editing(True)
        self._field.fit()
        self._field.setFocus()

    def _on_save(self) -> None:
        text = self._field.toPlainText().strip()
        if text and self._summary is not None:
            self._stop_editing()
            self.changed.emit(self._summary, text)

    def _on_typed(self) -> None:
        if self._summary is not None and not self._field.is_filling:
            text = self._field.toPlainText()
            self.typed.emit(self._summary, "" if text.strip() == self.text.strip() else text)

    def _give_up_editing(self) -> None:
        if self._summary is not None:
            self.typed.emit(self._summary, "")
        self._stop_editing()

    def _stop_editing(self) -> None:
        self._show_editing(False)
        self.editing_ended.emit()

    def _show_editing(self, editing: bool) -> None:
        for widget in (self._field, self._give_up, self._save):
            widget.setVisible(editing)
        self._text.setVisible(not editing)
        for made in (self._edit, self._remove):
            made.setVisible(not editing and self._summary is not None)

    def _draw_icons(self) -> None:
        self._head.setIcon(self._theme.icon("caret-down" if self.is_open else "caret-right"))
