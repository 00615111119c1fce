"""Documents as chips: their names, what they cost, and a way to take one away."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QWidget

from app.chat.store.records import Attachment
from app.ui.base.layouts import FlowLayout, clear_layout
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.widgets.card import button
from app.ui.widgets.elided_label import ElidedLabel
from models.system.shown_text import shown

MOST_CHIP_PX = 320
MOST_LINES = 4
SPACING_PX = 6


@dataclass(frozen=True, eq=False, slots=True)
class ComingFile:
    """A file that is being read, or is about to be."""

    path: Path
    cancel: threading.Event = field(default_factory=threading.Event)
    """Set when it is not to be read any more."""


class AttachmentChips(QScrollArea):
    """Chips side by side, in as many lines as they need. A click opens the document. Those of a message that
    is not sent can be removed; from the fifth line on they are scrolled. GUI thread.
    """

    opened = Signal(object)
    """An `Attachment`."""
    removed = Signal(object)
    given_up = Signal(object)
    """A `ComingFile` that is not to be read."""

    def __init__(
        self,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        removable: bool = False,
        margins: tuple[int, int, int, int] = (0, 0, 0, 0),
    ) -> None:
        super().__init__(parent)
        self._margins = margins
        self._theme = theme
        # The keyboard goes from chip to chip.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._removable = removable
        self._shown: Sequence[Attachment] = ()
        self._tokens: Mapping[int, int] = {}
        self._coming: Sequence[ComingFile] = ()
        self._flow = FlowLayout(SPACING_PX)
        chips = QWidget()
        chips.setProperty("look", "page")
        chips.setLayout(self._flow)
        self.setWidget(chips)
        self.setWidgetResizable(True)
        self.setViewportMargins(*margins)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
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

    def show_coming(self, files: Sequence[ComingFile]) -> None:
        """Show behind them the files that are being read."""
        if list(files) != list(self._coming):
            self._coming = files
            self._make()

    def _make(self) -> None:
        clear_layout(self._flow)
        chips = [self._chip(attachment) for attachment in self._shown]
        for chip in (*chips, *map(self._coming_chip, self._coming)):
            self._flow.addWidget(chip)
            # Now and not with the next event: what is hidden has no size.
            chip.show()
        self.setVisible(bool(self._shown or self._coming))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width has room for other lines."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        first = self._flow.itemAt(0)
        if first is None:
            return
        left, top, right, bottom = self._margins
        height = self._flow.heightForWidth(self.width() - left - right)
        if self._removable:
            # Where something is written there must be room for it.
            line_px = first.sizeHint().height()
            height = min(height, MOST_LINES * line_px + (MOST_LINES - 1) * SPACING_PX)
        height += top + bottom
        if height != self.height():
            self.setFixedHeight(height)

    def _coming_chip(self, file: ComingFile) -> QWidget:
        chip, row = _empty_chip(4)
        name = shown(file.path.name)
        words = ElidedLabel("small")
        words.setText(self.tr("{name} · being read…").format(name=name))
        words.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        row.addSpacing(8)
        row.addWidget(words, 1)
        row.addWidget(self._remover(name, lambda: self.given_up.emit(file)))
        return chip

    def _remover(self, name: str, remove: Callable[[], object]) -> QWidget:
        remover = button("", "quiet", icon=self._theme.icon("x"))
        remover.setAccessibleName(self.tr("Remove {name}").format(name=name))
        set_tip(remover, remover.accessibleName())
        remover.clicked.connect(lambda: remove())
        return remover

    def _chip(self, attachment: Attachment) -> QWidget:
        chip, row = _empty_chip(4 if self._removable else 12)
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
            row.addWidget(self._remover(attachment.name, lambda: self.removed.emit(attachment)))
        return chip


def _empty_chip(right_px: int) -> tuple[QFrame, QHBoxLayout]:
    chip = QFrame()
    chip.setProperty("look", "sunken")
    chip.setMaximumWidth(MOST_CHIP_PX)
    row = QHBoxLayout(chip)
    row.setContentsMargins(4, 1, right_px, 1)
    row.setSpacing(2)
    return chip, row
