"""Making room on a full disk: what can be deleted is chosen with its size, and deleted for good."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import shiboken6
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QVBoxLayout,
    QWidget,
)

from app.machine.freeable import Freeable
from app.ui.base.bridge import Bridge
from app.ui.base.plain_text import set_tip
from app.ui.widgets.card import Card, button, label
from models.system.disk_space import free_bytes
from models.system.shown_text import shown
from models.system.units import byte_count

SMALLEST_PX = (680, 420)


class MakeRoomDialog(QDialog):
    """Lists what `find` gives, off the GUI thread, and deletes what is ticked by `delete`, while it is open.
    GUI thread."""

    def __init__(
        self,
        folder: Path,
        find: Callable[[], list[Freeable]],
        delete: Callable[[Freeable], Awaitable[None]],
        bridge: Bridge,
        parent: QWidget | None = None,
    ) -> None:
        """Room is made on the disk of `folder`. What fails goes to `bridge`, which outlives the dialog."""
        super().__init__(parent)
        self._folder = folder
        self._find = find
        self._delete = delete
        self._bridge = bridge
        self._deleting = False
        self._chosen_last: set[tuple[object, ...]] = set()
        self._rows: list[tuple[QCheckBox, Freeable]] = []
        self._made: list[QWidget] = []
        self.setWindowTitle(self.tr("Make room on the disk"))
        self.setMinimumSize(*SMALLEST_PX)
        self._free = label("", wrap=True)
        self._nothing = label(self.tr("Looking for what can be deleted…"), "muted", wrap=True)
        self._list = QGridLayout()
        self._list.setHorizontalSpacing(16)
        self._list.setVerticalSpacing(4)
        self._list.setColumnStretch(0, 1)
        card = Card()
        card.body.addWidget(self._nothing)
        card.body.addLayout(self._list)
        card.body.addStretch(1)
        area = QScrollArea()
        area.setWidget(card)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._chosen = button("", "primary")
        self._chosen.clicked.connect(lambda: self._bridge.start(self._on_delete()))
        close = button(self.tr("Close"))
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(close)
        foot.addWidget(self._chosen)
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(12)
        body.addWidget(self._free)
        body.addWidget(area, 1)
        body.addLayout(foot)
        self._show_chosen()
        self._bridge.start(self.show_what_there_is())

    async def show_what_there_is(self) -> None:
        """Look at the disk and list it."""
        found = await asyncio.to_thread(self._find)
        free = await asyncio.to_thread(free_bytes, self._folder)
        if not shiboken6.isValid(self):
            return
        for made in self._made:
            self._list.removeWidget(made)
            made.hide()
            made.deleteLater()
        # What was ticked while others were deleted stays so.
        ticked = {_key(what) for box, what in self._rows if box.isChecked()} - self._chosen_last
        self._made = []
        self._rows = [(self._row(number, each), each) for number, each in enumerate(found)]
        for box, what in self._rows:
            box.setChecked(_key(what) in ticked)
        self._nothing.setText(self.tr("There is nothing of Stillroom's own to delete on this disk."))
        self._nothing.setVisible(not found)
        self._free.setText(
            self.tr("The disk of {folder} has {free} free. What is ticked is deleted for good.").format(
                folder=self._folder, free=byte_count(free)
            )
        )
        self._show_chosen()

    def _row(self, number: int, what: Freeable) -> QCheckBox:
        size = byte_count(what.bytes)
        box = _Box(self._words(what), size)
        box.toggled.connect(self._show_chosen)
        figure = label(size, "muted")
        self._list.addWidget(box, number, 0)
        self._list.addWidget(figure, number, 1, Qt.AlignmentFlag.AlignRight)
        self._made += [box, figure]
        return box

    def _words(self, what: Freeable) -> str:
        name = shown(what.name)
        match what.kind:
            case "model":
                return self.tr("{model}: a model, to be got again").format(model=name)
            case "unfinished":
                return self.tr("{model}: an unfinished download or build").format(model=name)
            case "weights":
                return self.tr("{model}: original weights, for making further types").format(model=name)
            case "trash":
                return self.tr("Models that you have deleted since the start")
            case "chat states":
                return self.tr("What models have read of chats: they read it again")
            case "cuda":
                return self.tr("NVIDIA's libraries, to be got again")
        return self.tr("Older logs")

    def _show_chosen(self) -> None:
        chosen = [what for box, what in self._rows if box.isChecked()]
        size = byte_count(sum(what.bytes for what in chosen))
        self._chosen.setText(
            self.tr("Delete {size} for good").format(size=size) if chosen else self.tr("Delete for good")
        )
        self._chosen.setEnabled(bool(chosen) and not self._deleting)

    async def _on_delete(self) -> None:
        chosen = [what for box, what in self._rows if box.isChecked()]
        self._deleting = True
        self._chosen_last = {_key(what) for what in chosen}
        self._show_chosen()
        try:
            for what in chosen:
                await self._delete(what)
                if not shiboken6.isValid(self):
                    return
        finally:
            self._deleting = False
            if shiboken6.isValid(self):
                await self.show_what_there_is()


def _key(what: Freeable) -> tuple[object, ...]:
    return what.kind, what.name, what.paths


class _Box(QCheckBox):
    """Names what can be deleted, as far as there is room; all of it, with its `size`, for a screen reader."""

    def __init__(self, words: str, size: str) -> None:
        super().__init__()
        self._words = words
        self.setAccessibleName(f"{words}, {size}")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Next to no width; the height of a box."""
        return QSize(40, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Shorten the words where they have no room."""
        super().resizeEvent(event)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self).width()
        words = self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideMiddle, room)
        set_tip(self, "" if words == self._words else self._words)
        self.setText(words.replace("&", "&&"))
