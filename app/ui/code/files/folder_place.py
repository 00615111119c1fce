"""The open folder and its place: beside the editor, or over it where there is no room beside it."""

from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QSplitter, QWidget

from app.ui.code.files.file_actions import FileActions
from app.ui.code.files.folder_panel import FolderPanel
from app.ui.code.files.open_files import OpenFiles
from app.ui.widgets.ui_context import UiContext

ROOM_PX = 960
"""A narrower tab has no room for a third column."""
OVER_PX = 260
BESIDE_PX = 220


class FolderPlace(QObject):
    """Puts the panel into its place whenever the tab has another width, and does what is done with it. GUI
    thread only."""

    def __init__(
        self,
        panel: FolderPanel,
        tab: QWidget,
        columns: QSplitter,
        files: OpenFiles,
        actions: FileActions,
        ui: UiContext,
    ) -> None:
        """`columns` are those of `tab`; where there is no room, the panel lies over the left of `files`, its
        parent."""
        super().__init__(tab)
        self._panel = panel
        self._tab = tab
        self._columns = columns
        self._over = files
        self._actions = actions
        self._bridge = ui.bridge
        self._theme = ui.theme
        self._wanted = True
        self._is_beside = False
        tab.installEventFilter(self)
        files.installEventFilter(self)
        panel.changed.connect(self._on_folder_changed)
        panel.chosen.connect(self._on_chosen)
        panel.left.connect(self._on_left)
        files.folder_button.clicked.connect(self.toggle)
        panel.hide()

    @property
    def is_shown(self) -> bool:
        """Tell whether the panel is seen."""
        return not self._panel.isHidden()

    def toggle(self) -> None:
        """Show or hide it."""
        self.show_panel(not self.is_shown)
        if not self.is_shown:
            self._over.current.editor.setFocus()
        elif not self._is_beside:
            self._panel.setFocus()

    def show_panel(self, wanted: bool) -> None:
        """Show or hide it, as far as a folder is open."""
        self._wanted = wanted
        self._place()

    def go_to_file(self) -> None:
        """Let a file be found by its name; without a folder, ask for one."""
        if self._panel.root is None:
            self._bridge.start(self._actions.ask_and_open_folder())
            return
        self.show_panel(True)
        self._panel.field.selectAll()
        self._panel.field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the sizes of the tab and of what it lies over."""
        if event.type() == QEvent.Type.Resize:
            if watched is self._tab:
                self._place()
            elif not self._is_beside:
                self._lay_over()
        return False

    def _leave(self) -> None:
        """Give the room back where it lies over the text."""
        if not self._is_beside:
            self.show_panel(False)

    def _on_chosen(self, path: Path) -> None:
        self._leave()
        self._bridge.start(self._actions.open(path))

    def _on_left(self) -> None:
        self._leave()
        self._over.current.editor.setFocus()

    def _on_folder_changed(self) -> None:
        root = self._panel.root
        self._over.folder = str(root) if root is not None else ""
        self._over.folder_button.setVisible(root is not None)
        self._over.keep_soon()
        self.show_panel(root is not None)

    def _place(self) -> None:
        beside = self._tab.width() >= self._theme.pixels(ROOM_PX)
        if beside != self._is_beside:
            self._is_beside = beside
            if beside:
                # What is hidden lays out its parts only when it is shown: their sizes would be older.
                self._columns.refresh()
                sizes = self._columns.sizes()
                width = self._theme.pixels(BESIDE_PX)
                self._columns.insertWidget(0, self._panel)
                self._columns.setStretchFactor(0, 0)
                self._columns.setSizes([width, *sizes])
            else:
                self._panel.setParent(self._over)
                # It lay beside the text without being asked for; over the text it has to be.
                self._wanted = False
        is_seen = self._wanted and self._panel.root is not None
        if not beside and is_seen:
            self._lay_over()
        if is_seen == self._panel.isHidden():
            self._panel.setVisible(is_seen)
            self._over.folder_button.setChecked(is_seen)
        if is_seen and not beside:
            self._panel.raise_()

    def _lay_over(self) -> None:
        width = min(self._theme.pixels(OVER_PX), self._over.width())
        self._panel.setGeometry(0, 0, width, self._over.height())
