"""Documents as chips: their names, what they cost, and a way to take one away."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from app.chat.store.records import Attachment
from app.ui.base.layouts import clear_layout
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.widgets.card import button
from app.ui.widgets.elided_label import ElidedLabel

MOST_CHIP_PX = 260


class AttachmentChips(QWidget):
    """A row of chips. A click opens the document; those of a message that is not sent can be removed.

    GUI thread.
    """

    opened = Signal(object)
    """An `Attachment`."""
    removed = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, removable: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        self._removable = removable
        self._shown: Sequence[Attachment] = ()
        self._tokens: Mapping[int, int] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self.hide()
        theme.changed.connect(self._make)

    @property
    def names(self) -> list[str]:
        """The documents that are shown."""
        return [attachment.name for attachment in self._shown]

    def show_attachments(
        self, attachments: Sequence[Attachment], tokens: Mapping[int, int] | None = None
    ) -> None:
        """Show these; `tokens` are counts by `Attachment.id`, as far as they are known."""
        self._shown, self._tokens = attachments, tokens or {}
        self._make()

    def _make(self) -> None:
        clear_layout(self._row)
        for attachment in self._shown:
            self._row.addWidget(self._chip(attachment))
        self._row.addStretch(1)
        self.setVisible(bool(self._shown))

    def _chip(self, attachment: Attachment) -> QWidget:
        chip = QFrame()
        chip.setProperty("look", "sunken")
        chip.setMaximumWidth(MOST_CHIP_PX)
        row = QHBoxLayout(chip)
        row.setContentsMargins(4, 1, 4, 1)
        row.setSpacing(2)
        open_it = button("", "quiet", icon=self._theme.icon("file-text"))
        open_it.setAccessibleName(self.tr("Open {name}").format(name=attachment.name))
        set_tip(open_it, open_it.accessibleName())
        open_it.clicked.connect(lambda: self.opened.emit(attachment))
        tokens = self._tokens.get(attachment.id)
        name = ElidedLabel("small")
        name.setText(
            attachment.name
            if tokens is None
            else self.tr("{name} · {tokens} tokens").format(name=attachment.name, tokens=f"{tokens:,}")
        )
        name.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        row.addWidget(open_it)
        row.addWidget(name, 1)
        if self._removable:
            remove = button("", "quiet", icon=self._theme.icon("x"))
            remove.setAccessibleName(self.tr("Remove {name}").format(name=attachment.name))
            set_tip(remove, remove.accessibleName())
            remove.clicked.connect(lambda: self.removed.emit(attachment))
            row.addWidget(remove)
        return chip
