"""A message of the user: shown as it was typed, edited in its place."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.chat.documents.hidden_characters import with_hidden_shown
from app.chat.markdown.block_text import PlainText, Run, Selectable, text_of
from app.chat.markdown.text_selection import BlockPlace, BlockRange, Part
from app.ui.base.theme import Theme
from app.ui.chat.conversation.attachment_chips import AttachmentChips
from app.ui.reply.edit_field import EditField
from app.ui.reply.rich.rich_text import Piece, RichText
from app.ui.reply.version_switch import VersionSwitch
from app.ui.widgets.card import Card, button

COPIED_MS = 1500


class QuestionCard(Card):
    """A message of the user. GUI thread."""

    edited = Signal(str)
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
        self._shown = WrappedText(text)
        # Its first line is level with the buttons beside it.
        self._shown.setContentsMargins(0, 5, 0, 5)
        self._shown.setAccessibleDescription(self.tr("Your message"))
        self._field = EditField()
        self._field.setAccessibleName(self.tr("Your message"))
        self._field.submitted.connect(self._submit)
        self._field.given_up.connect(self.stop_editing)
        self._field.hide()
        self.attachments = AttachmentChips(theme)
        self.versions = VersionSwitch(theme)
        self.versions.chosen.connect(self.version_chosen)
        self._copy = button("", "quiet", name=self.tr("Copy the message"))
        self._copy.clicked.connect(self.copy)
        self._edit = button("", "quiet", name=self.tr("Edit the message and ask again"))
        self._edit.clicked.connect(self.start_editing)
        self._cancel = button(self.tr("Cancel"))
        self._cancel.clicked.connect(self.stop_editing)
        self._send = button(self.tr("Ask again"), "primary", tip=self.tr("Ask again (Enter)"))
        self._send.clicked.connect(self._submit)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self._shown, 1)
        for widget in (self._copy, self._edit):
            head.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.versions)
        row.addStretch(1)
        for widget in (self._cancel, self._send):
            row.addWidget(widget)
        self.body.addLayout(head)
        self.body.addWidget(self._field)
        self.body.addWidget(self.attachments)
        self.body.addLayout(row)
        self._show_editing(False)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

    @property
    def is_editing(self) -> bool:
        """Tell whether the text is being changed."""
        return not self._field.isHidden()

    @property
    def texts(self) -> "list[tuple[Part, WrappedText]]":
        """The text, while it is not edited."""
        return [] if self.is_editing else [(Part.QUESTION, self._shown)]

    def show_versions(self, versions: Sequence[int], shown: int) -> None:
        """Show which of its versions this message is."""
        self.versions.show_versions(versions, shown)

    def offer_editing(self, offered: bool) -> None:
        """Set whether the message can be asked again now."""
        self._edit.setEnabled(offered)
        self._send.setEnabled(offered)

    def start_editing(self, text: str = "") -> None:
        """Change the text in its place, from `text` on where it was changed before."""
        self._field.setPlainText(text or self.text)
        self._show_editing(True)
        self._field.fit()
        self._field.setFocus()
        self._field.selectAll()

    def stop_editing(self) -> None:
        """Leave the text as it was."""
        self._show_editing(False)
        self.editing_ended.emit()

    def copy(self) -> None:
        """Put the text on the clipboard."""
        QGuiApplication.clipboard().setText(self.text)
        self._copy.setIcon(self._theme.icon("check", "good"))
        QTimer.singleShot(COPIED_MS, self._copy, lambda: self._copy.setIcon(self._theme.icon("copy")))

    def _submit(self) -> None:
        text = self._field.toPlainText()
        if text.strip() and self._send.isEnabled():
            self._show_editing(False)
            self.editing_ended.emit()
            self.edited.emit(text)

    def _show_editing(self, editing: bool) -> None:
        for widget in (self._field, self._cancel, self._send):
            widget.setVisible(editing)
        for shown in (self._shown, self._copy, self._edit):
            shown.setVisible(not editing)

    def _draw_icons(self) -> None:
        self._copy.setIcon(self._theme.icon("copy"))
        self._edit.setIcon(self._theme.icon("pencil-simple"))


class WrappedText(RichText):
    """Plain text that is measured once for each width, however often the column is laid out."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._heights: dict[int, int] = {}
        self.set_text(text)

    @property
    def blocks(self) -> Sequence[Selectable]:
        """The text as the one block that it is."""
        return [self._block]

    def set_text(self, text: str) -> None:
        """Show another text."""
        self._heights.clear()
        self._block = PlainText(text)
        self.setAccessibleName(with_hidden_shown(text))
        self.document.setDefaultFont(self.font())
        self.document.setPlainText(text_of(self._block))
        self.updateGeometry()
        self.update()

    def show_selection(self, selected: BlockRange | None) -> None:
        """Show some of it as selected."""
        self.show_selected(*(selected.within(0, len(text_of(self._block))) if selected else (0, 0)))

    def place_at(self, point: QPoint) -> BlockPlace:
        """The place in its text that is nearest to a point."""
        return BlockPlace(0, self.offset_at(point))

    def caret_at(self, place: BlockPlace) -> QRect:
        """Where a caret would stand."""
        return self.caret_rect(place.offset)

    def reveal(self, place: BlockPlace) -> None:
        """Do nothing: its lines wrap."""

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of the wrapped text."""
        if width not in self._heights:
            self._heights[width] = super().heightForWidth(width)
        return self._heights[width]

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Measure again in another font."""
        if event.type() == QEvent.Type.FontChange:
            self._heights.clear()
        super().changeEvent(event)

    def _pieces(self) -> Sequence[Piece]:
        return [Piece(0, (Run(text_of(self._block)),), 0)]
