"""The open folder at the left of the editor: its tree, and the files whose names hold what is typed."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QStackedWidget, QWidget

from app.code.folder.name_search import names_with
from app.code.folder.source_folder import FileIndex, SourceFolder
from app.ui.base.add_action import Command, command_of_button
from app.ui.base.field_escape import keeps_escape
from app.ui.base.offers import Offers
from app.ui.base.plain_text import set_tip
from app.ui.code.files.folder_tree import PATH_CHARACTERS, FolderTree
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.ui_context import UiContext
from models.system.shown_text import shown

MOST_FOUND = 200
WIDTH_PX = 200


class FolderPanel(Card):
    """Shows one folder that the user opened, or none. GUI thread only; the disk is read on other threads.

    Nothing of it goes to a model: only what is opened, or named in a question, does.
    """

    chosen = Signal(object)
    """A file is to be opened: its real path."""
    changed = Signal()
    """Another folder is open, or none."""
    left = Signal()
    """Esc: back to the editor."""

    def __init__(self, ui: UiContext, parent: QWidget | None = None) -> None:
        super().__init__(parent, margin_px=0)
        self._ui = ui
        self._folder: SourceFolder | None = None
        self._indexing: asyncio.Task[None] | None = None
        self._choosing = asyncio.Lock()
        self._is_awaited = False
        """Return was pressed before the files were found."""
        self.was_opened = False
        """A folder was opened, or closed, since this was made."""
        self.index = FileIndex()
        """The files of the folder, as far as they were found."""
        self.tree = FolderTree(ui.bridge, ui.theme)
        self.field = QLineEdit()
        self.found = QListWidget()
        self._title = ElidedLabel("title")
        self._refresh = button(kind="quiet", name=self.tr("Read the folder again"))
        self._close = button(kind="quiet", name=self.tr("Close the folder"))
        self._remark = label("", "small", wrap=True)
        self._pages = QStackedWidget()
        self._lay_out()
        self.tree.chosen.connect(self._choose)
        self.found.itemActivated.connect(lambda item: self._choose(item.data(Qt.ItemDataRole.UserRole)))
        self.field.textChanged.connect(self._on_typed)
        self.field.returnPressed.connect(self._choose_first)
        self._refresh.clicked.connect(lambda: ui.bridge.start(self.read_again()))
        self._close.clicked.connect(lambda: ui.bridge.start(self.open_folder(None)))
        for widget in (self.field, self.tree, self.found):
            widget.installEventFilter(self)
        Offers(self, self._offered)
        ui.theme.changed.connect(self._draw_icons)
        self._draw_icons()

    @property
    def root(self) -> Path | None:
        """The open folder; None where there is none."""
        return self._folder.root if self._folder is not None else None

    async def open_folder(self, path: Path | None) -> None:
        """Show another folder, or none."""
        self.was_opened = True
        self._stop_indexing()
        self.index = FileIndex()
        root = Path(os.path.realpath(path)) if path is not None else None
        self._folder = SourceFolder(root) if root is not None else None
        self._title.setText(shown(root.name or str(root)) if root is not None else "")
        self.field.clear()
        self.changed.emit()
        await self.tree.show_folder(self._folder)
        self._begin_indexing()

    async def read_again(self) -> None:
        """Show the folder as it is now."""
        await self.tree.read_again()
        self._begin_indexing()

    def real_path(self, path: str) -> Path:
        """Return where a file of the folder is. Raises `OutsideFolderError`. Looks at the disk."""
        assert self._folder is not None
        return self._folder.file(path)

    def close_panel(self) -> None:
        """Search no more; the widgets are about to go."""
        self._folder = None
        self._stop_indexing()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Down goes from the field into the names, Esc back to the editor."""
        if keeps_escape(event):
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                if self.field.text():
                    self.field.clear()
                else:
                    self.left.emit()
                return True
            if watched is self.field and event.key() == Qt.Key.Key_Down:
                shown_names = self.found if self.field.text().strip() else self.tree
                shown_names.setFocus()
                return True
        return super().eventFilter(watched, event)

    def _offered(self) -> list[Command]:
        """What the buttons do that show no words, for the command palette."""
        refusal = "" if self._folder is not None else self.tr("No folder is open")
        return [replace(command_of_button(made), refusal=refusal) for made in (self._refresh, self._close)]

    def _begin_indexing(self) -> None:
        self._stop_indexing()
        if self._folder is not None:
            self._indexing = self._ui.bridge.start(self._find_files(self._folder))

    def _stop_indexing(self) -> None:
        if self._indexing is not None:
            self._indexing.cancel()
            self._indexing = None

    async def _find_files(self, folder: SourceFolder) -> None:
        index = await asyncio.to_thread(folder.index, lambda: self._folder is not folder)
        if folder is self._folder:
            self.index = index
            self._indexing = None
            self._search()
            if self._is_awaited:
                self._choose_first()

    def _on_typed(self) -> None:
        self._is_awaited = False
        self._search()

    def _search(self) -> None:
        words = self.field.text().strip()
        self._pages.setCurrentWidget(self.found if words else self.tree)
        self.found.clear()
        paths = names_with(self.index.paths, words, MOST_FOUND) if words else []
        for path in paths:
            item = QListWidgetItem(shown(path, PATH_CHARACTERS))
            item.setData(Qt.ItemDataRole.UserRole, path)
            set_tip(item, shown(path, PATH_CHARACTERS))
            self.found.addItem(item)
        if paths:
            self.found.setCurrentRow(0)
        remark = ""
        if words and not paths:
            none = self.tr("No file of that name.")
            remark = none if self._indexing is None else self.tr("Looking for files…")
        if words and not self.index.is_whole:
            remark = self.tr("Only the first {count} files were searched.").format(
                count=f"{len(self.index.paths):,}"
            )
        self._remark.setText(remark)
        self._remark.setVisible(bool(remark))

    def _choose_first(self) -> None:
        item = self.found.currentItem()
        self._is_awaited = self._indexing is not None and not self.found.count()
        if item is not None:
            self._choose(item.data(Qt.ItemDataRole.UserRole))

    def _choose(self, path: str) -> None:
        self._ui.bridge.start(self._open(path))

    async def _open(self, path: str) -> None:
        # One after the other: the one that was chosen last comes to the front.
        async with self._choosing:
            self.chosen.emit(await asyncio.to_thread(self.real_path, path))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(14, 8, 6, 4)
        head.setSpacing(2)
        head.addWidget(self._title, 1)
        for made in (self._refresh, self._close):
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            head.addWidget(made)
        self.field.setPlaceholderText(self.tr("Go to file"))
        self.field.setAccessibleName(self.tr("Go to file"))
        self.field.setClearButtonEnabled(True)
        self.found.setAccessibleName(self.tr("Files that were found"))
        self.found.setFrameShape(QListWidget.Shape.NoFrame)
        self.found.setProperty("kind", "files")
        self.found.setUniformItemSizes(True)
        self.found.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self._remark.setContentsMargins(14, 4, 14, 8)
        self._remark.hide()
        self._pages.addWidget(self.tree)
        self._pages.addWidget(self.found)
        field_row = QHBoxLayout()
        field_row.setContentsMargins(10, 0, 10, 6)
        field_row.addWidget(self.field)
        self.body.setSpacing(0)
        self.body.setContentsMargins(1, 1, 1, 1)
        self.body.addLayout(head)
        self.body.addLayout(field_row)
        self.body.addWidget(self._pages, 1)
        self.body.addWidget(self._remark)
        self.setMinimumWidth(WIDTH_PX)
        self.setFocusProxy(self.field)

    def _draw_icons(self) -> None:
        self._refresh.setIcon(self._ui.theme.icon("arrows-clockwise"))
        self._close.setIcon(self._ui.theme.icon("x"))
