"""The field in which the user changes a reply."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.ui.base.add_action import with_keys
from app.ui.reply.edit_field import SUBMIT_KEYS, EditField
from app.ui.widgets.card import button


class ReplyEditor(QWidget):
    """The Markdown of a reply, with Save and Cancel; hidden until it is opened. GUI thread."""

    saved = Signal(str)
    """The reply is to stand in these words."""
    typed = Signal(str)
    """The words in its place while it is changed; empty where they are its own."""
    ended = Signal()
    """The field is gone, and with it the keyboard's place."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        # Made when it is first opened: each reply of a chat has one, and most are never changed.
        self._field: EditField | None = None
        self.hide()

    @property
    def is_open(self) -> bool:
        """Tell whether the reply is being changed."""
        return not self.isHidden()

    def open(self, text: str) -> None:
        """Change this text."""
        self._open(text, text).setFocus()

    def go_on(self, text: str, changed: str) -> None:
        """Show the field as it was left, with this text `changed`, and leave the keyboard where it is."""
        self._open(text, changed)

    def _open(self, text: str, shown: str) -> EditField:
        self._text = text
        field = self._field = self._field or self._made()
        field.fill(shown)
        self.show()
        field.fit()
        return field

    def close_field(self) -> None:
        """Leave the text as it was."""
        if self.is_open:
            self.typed.emit("")
            self._close()

    def set_aside(self) -> str:
        """Close the field for `go_on` later, and give its words; empty where they are the text's own."""
        if not self.is_open:
            return ""
        words = self._changed()
        self._close()
        return words

    def _close(self) -> None:
        self.hide()
        self.ended.emit()

    def _made(self) -> EditField:
        field = EditField(least_lines=3, enter_submits=False)
        field.setAccessibleName(self.tr("The reply"))
        field.textChanged.connect(self._on_typed)
        field.submitted.connect(self._save)
        field.given_up.connect(self.close_field)
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.close_field)
        save = button(
            self.tr("Save"),
            "primary",
            tip=with_keys(self.tr("Keep it as another version of the reply"), SUBMIT_KEYS),
        )
        save.clicked.connect(self._save)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addStretch(1)
        for widget in (cancel, save):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(field)
        layout.addLayout(row)
        return field

    def _on_typed(self) -> None:
        if self._field is not None and not self._field.is_filling:
            self.typed.emit(self._changed())

    def _changed(self) -> str:
        assert self._field is not None
        text = self._field.toPlainText()
        return "" if text.strip() == self._text else text

    def _save(self) -> None:
        assert self._field is not None
        text = self._field.toPlainText().strip()
        if text:
            self._close()
            if text != self._text:
                self.saved.emit(text)
