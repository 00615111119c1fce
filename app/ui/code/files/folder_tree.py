"""The tree of the open folder; a folder in it is read when it is opened."""

import asyncio

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem, QWidget

from app.code.folder.gitignore import IgnoreScope
from app.code.folder.source_folder import Entry, SourceFolder
from app.ui.base.bridge import Bridge
from app.ui.base.plain_text import plain_tip
from app.ui.base.theme import Theme
from models.system.shown_text import shown

NAME_CHARACTERS = 120
PATH_CHARACTERS = 400
_ICONS = {
    "folder": "folder",
    "file": "file-text",
    "outside": "arrow-bend-up-right",
    "link": "arrow-bend-up-right",
}


class FolderTree(QTreeWidget):
    """Shows a `SourceFolder`, whose disk is read on other threads. GUI thread only."""

    chosen = Signal(str)
    """A file is to be opened: its path in the folder."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._theme = theme
        self._folder: SourceFolder | None = None
        self._readings = 0
        self._newest: dict[str, int] = {}
        """The number of the last reading of each folder that was begun."""
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(14)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.setProperty("kind", "files")
        self.setAccessibleName(self.tr("Files of the folder"))
        self.itemExpanded.connect(self._on_expanded)
        self.itemActivated.connect(self._on_activated)
        theme.changed.connect(self._draw_icons)

    async def show_folder(self, folder: SourceFolder | None) -> None:
        """Show another folder, or none."""
        self.clear()
        self._folder = folder
        self._newest.clear()
        if folder is not None:
            await self._read(None)

    async def read_again(self) -> None:
        """Read every folder again that is open."""
        if self._folder is None:
            return
        await self._read(None)
        for item in [*self._open_items()]:
            await self._read(item)

    def go_to(self, path: str) -> None:
        """Select a file where it is seen already."""
        for item in self._items():
            if item.path == path:
                self.setCurrentItem(item)
                return

    def _open_items(self) -> "list[_Item]":
        return [item for item in self._items() if item.isExpanded()]

    def _items(self) -> "list[_Item]":
        found: list[_Item] = []
        waiting: list[QTreeWidgetItem] = [self.invisibleRootItem()]
        while waiting:
            item = waiting.pop()
            for row in range(item.childCount()):
                child = item.child(row)
                if isinstance(child, _Item):
                    waiting.append(child)
                    found.append(child)
        return found

    async def _read(self, item: "_Item | None") -> None:
        """Read a folder, the opened one for None; names that are still there stay as they are."""
        folder, path = self._folder, item.path if item is not None else ""
        if folder is None:
            return
        self._readings += 1
        number = self._newest[path] = self._readings
        try:
            above = item.above if item is not None else IgnoreScope()
            listing = await asyncio.to_thread(folder.list_folder, path, above)
            entries, scope, has_more = listing.entries, listing.scope, listing.has_more
        except OSError:
            entries, scope, has_more = (), IgnoreScope(), False
        # Another folder was opened meanwhile, or this one is being read again.
        is_old = folder is not self._folder or number != self._newest.get(path)
        if is_old or (item is not None and item.treeWidget() is not self):
            return
        place: QTreeWidgetItem = item if item is not None else self.invisibleRootItem()
        present = [place.child(row) for row in range(place.childCount())]
        if has_more == any(not isinstance(each, _Item) for each in present) and [
            each.entry for each in present if isinstance(each, _Item)
        ] == list(entries):
            return
        selected = self.currentItem()
        selected_path = selected.path if isinstance(selected, _Item) else ""
        was_open = {each.path for each in self._open_items()}
        place.takeChildren()
        made: list[QTreeWidgetItem] = [self._item(entry, scope) for entry in entries]
        if has_more:
            more = QTreeWidgetItem([self.tr("There are more, which are not shown.")])
            more.setFlags(Qt.ItemFlag.NoItemFlags)
            made.append(more)
        place.addChildren(made)
        for each in made:
            if isinstance(each, _Item) and each.path in was_open:
                each.setExpanded(True)
        if selected_path:
            self.go_to(selected_path)

    def _item(self, entry: Entry, scope: IgnoreScope) -> "_Item":
        item = _Item(entry, scope)
        item.setText(0, shown(entry.name, NAME_CHARACTERS))
        item.setIcon(0, self._theme.icon(_ICONS[entry.kind]))
        if entry.kind == "folder":
            item.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
        elif entry.kind != "file":
            item.setFlags(Qt.ItemFlag.ItemIsSelectable)
        item.setToolTip(0, plain_tip(self._why(entry) or shown(entry.path, PATH_CHARACTERS)))
        return item

    def _why(self, entry: Entry) -> str:
        if entry.kind == "outside":
            return self.tr("A link that leads out of the folder")
        if entry.kind == "link":
            return self.tr("A link to a folder, which is not followed")
        return ""

    def _on_expanded(self, item: QTreeWidgetItem) -> None:
        if isinstance(item, _Item):
            self._bridge.start(self._read(item))

    def _on_activated(self, item: QTreeWidgetItem) -> None:
        if isinstance(item, _Item) and item.entry.kind == "file":
            self.chosen.emit(item.path)

    def _draw_icons(self) -> None:
        for item in self._items():
            item.setIcon(0, self._theme.icon(_ICONS[item.entry.kind]))


class _Item(QTreeWidgetItem):
    """A name in the tree, and the rules of the folders above it."""

    def __init__(self, entry: Entry, above: IgnoreScope) -> None:
        super().__init__()
        self.entry = entry
        self.above = above

    @property
    def path(self) -> str:
        """Its path in the folder."""
        return self.entry.path
