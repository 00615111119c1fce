"""A message of the user: shown as it was typed, edited in its place."""

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.chat.markdown.block_text import plain_parts
from app.chat.markdown.text_selection import Part
from app.ui.base.theme import Theme
from app.ui.chat.conversation.attachment_chips import AttachmentChips
from app.ui.reply.child_order import keep_order, put_before
from app.ui.reply.edit_field import EditField
from app.ui.reply.markdown_view import MarkdownView
from app.ui.reply.rich.wrapped_text import WrappedText
from app.ui.reply.version_switch import VersionSwitch
from app.ui.widgets.card import Card, button
from app.ui.widgets.text_field import refuses_to_edit

COPIED_MS = 1500


class QuestionCard(Card):
    """A message of the user. GUI thread."""

    edited = Signal(str)
    typed = Signal(str)
    """The words in its place while it is changed; empty where they are its own."""
    """The message is to be asked again in these words."""
    version_chosen = Signal(int)
    editing_ended = Signal()
    """The field is gone, and with it the keyboard's place."""

    def __init__(self, theme: Theme, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, margin_px=14)
        self.text = text
        self._theme = theme
        self.body.setContentsMargins(15, 6, 8, 6)
        self.body.setSpacing(4)
        parts = plain_parts(text)
        self._shown = WrappedText(text) if len(parts) == 1 else MarkdownView(theme)
        self._shown.setAccessibleDescription(self.tr("Your message"))
        inset = QVBoxLayout()
        # Its first line is level with the buttons beside it.
        inset.setContentsMargins(0, 5, 0, 5)
        inset.addWidget(self._shown)
        self.versions = VersionSwitch(theme)
        self.versions.chosen.connect(self.version_chosen)
        self._copy = button("", "quiet", name=self.tr("Copy the message"))
        self._copy.clicked.connect(self.copy)
        self._edit = button("", "quiet", name=self.tr("Edit the message and ask again"))
        self._edit.clicked.connect(self.start_editing)
        # Made when they are first wanted: most questions have no documents, and are never changed.
        self._attachments: AttachmentChips | None = None
        self._editor: _Editor | None = None
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addLayout(inset, 1)
        for widget in (self._copy, self._edit):
            head.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        self._foot = QHBoxLayout()
        self._foot.setContentsMargins(0, 0, 0, 0)
        self._foot.setSpacing(4)
        self._foot.addWidget(self.versions)
        self._foot.addStretch(1)
        self.body.addLayout(head)
        self.body.addLayout(self._foot)
        if isinstance(self._shown, MarkdownView):
            # Now that it has a place, only what is near to what is seen gets widgets.
            self._shown.show_parts(parts)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

    @property
    def attachments(self) -> AttachmentChips:
        """Its documents."""
        if self._attachments is None:
            self._attachments = AttachmentChips(self._theme)
            self.body.insertWidget(self.body.count() - 1, self._attachments)
            put_before(self._attachments, self.versions)
        return self._attachments

    @property
    def is_editing(self) -> bool:
        """Tell whether the text is being changed."""
        return self._editor is not None and not self._editor.field.isHidden()

    @property
    def texts(self) -> list[tuple[Part, WrappedText | MarkdownView]]:
        """The text, while it is not edited."""
        return [] if self.is_editing else [(Part.QUESTION, self._shown)]

    def show_versions(self, versions: Sequence[int], shown: int) -> None:
        """Show which of its versions this message is."""
        self.versions.show_versions(versions, shown)

    def offer_editing(self, offered: bool) -> None:
        """Set whether the message can be asked again now."""
        self._edit.setEnabled(offered)
        if self._editor is not None:
            self._editor.send.setEnabled(offered)

    def start_editing(self, text: str = "") -> None:
        """Change the text in its place, from `text` on where it was changed before."""
        if refuses_to_edit(text or self.text, self):
            return
        field = self._open_editor(text or self.text)
        field.setFocus()
        field.selectAll()

    def go_on_editing(self, text: str) -> None:
        """Show the field as it was left, and leave the keyboard where it is."""
        self._open_editor(text)

    def _open_editor(self, text: str) -> EditField:
        editor = self._editor = self._editor or self._made_editor()
        editor.field.fill(text)
        self._show_editing(editor, True)
        editor.field.fit()
        return editor.field

    def stop_editing(self) -> None:
        """Leave the text as it was."""
        if self._editor is not None:
            self._show_editing(self._editor, False)
            self.typed.emit("")
        self.editing_ended.emit()

    def copy(self) -> None:
        """Put the text on the clipboard."""
        QGuiApplication.clipboard().setText(self.text)
        self._copy.setIcon(self._theme.icon("check", "good"))
        QTimer.singleShot(COPIED_MS, self._copy, lambda: self._copy.setIcon(self._theme.icon("copy")))

    def _made_editor(self) -> "_Editor":
        field = EditField()
        field.setAccessibleName(self.tr("Your message"))
        field.textChanged.connect(self._on_typed)
        field.submitted.connect(self._submit)
        field.given_up.connect(self.stop_editing)
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.stop_editing)
        send = button(self.tr("Ask again"), "primary", tip=self.tr("Ask again (Enter)"))
        send.clicked.connect(self._submit)
        send.setEnabled(self._edit.isEnabled())
        self.body.insertWidget(1, field)
        put_before(field, self._attachments or self.versions)
        for widget in (cancel, send):
            self._foot.addWidget(widget)
            keep_order(widget)
        return _Editor(field, cancel, send)

    def _on_typed(self) -> None:
        assert self._editor is not None
        if self._editor.field.is_filling:
            return
        text = self._editor.field.toPlainText()
        self.typed.emit("" if text == self.text else text)

    def _submit(self) -> None:
        editor = self._editor
        if editor is None:
            return
        text = editor.field.toPlainText()
        if text.strip() and editor.send.isEnabled():
            self._show_editing(editor, False)
            self.editing_ended.emit()
            self.edited.emit(text)

    def _show_editing(self, editor: "_Editor", editing: bool) -> None:
        for widget in editor:
            widget.setVisible(editing)
        for shown in (self._shown, self._copy, self._edit):
            shown.setVisible(not editing)

    def _draw_icons(self) -> None:
        self._copy.setIcon(self._theme.icon("copy"))
        self._edit.setIcon(self._theme.icon("pencil-simple"))


class _Editor(NamedTuple):
    """The field that stands in the place of the text while it is changed, with its buttons."""

    field: EditField
    cancel: QPushButton
    send: QPushButton
