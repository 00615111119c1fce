"""Where the open folder is seen: beside the editor, or over it where there is no room beside it."""

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QSplitter, QWidget

from app.ui.base.theme import Theme
from app.ui.code.files.folder_panel import FolderPanel

ROOM_PX = 960
"""A narrower tab has no room for a third column."""
OVER_PX = 260
BESIDE_PX = 220


class FolderPlace(QObject):
    """Puts the panel into its place whenever the tab has another width. GUI thread only."""

    shown_changed = Signal(bool)
    """The panel is seen, or not any more."""

    def __init__(
        self, panel: FolderPanel, tab: QWidget, columns: QSplitter, over: QWidget, theme: Theme
    ) -> None:
        """`columns` are those of `tab`; where there is no room, the panel lies over the left of `over`."""
        super().__init__(tab)
        self._panel = panel
        self._tab = tab
        self._columns = columns
        self._over = over
        self._theme = theme
        self._wanted = True
        self._is_beside = False
        tab.installEventFilter(self)
        over.installEventFilter(self)
        panel.changed.connect(self._on_folder_changed)
        panel.hide()
        panel.setParent(over)

    @property
    def is_shown(self) -> bool:
        """Tell whether the panel is seen."""
        return not self._panel.isHidden()

    def toggle(self) -> None:
        """Show or hide it."""
        self.show_panel(not self.is_shown)

    def show_panel(self, wanted: bool) -> None:
        """Show or hide it, as far as a folder is open."""
        self._wanted = wanted
        self._place()

    def leave(self) -> None:
        """Give the room back where it lies over the text."""
        if not self._is_beside:
            self.show_panel(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the sizes of the tab and of what it lies over."""
        if event.type() == QEvent.Type.Resize:
            if watched is self._tab:
                self._place()
            elif not self._is_beside:
                self._lay_over()
        return False

    def _on_folder_changed(self) -> None:
        self.show_panel(self._panel.root is not None)

    def _place(self) -> None:
        beside = self._tab.width() >= self._theme.pixels(ROOM_PX)
        if beside != self._is_beside:
            self._is_beside = beside
            if beside:
                first, *others = self._columns.sizes()
                width = self._theme.pixels(BESIDE_PX)
                self._columns.insertWidget(0, self._panel)
                self._columns.setStretchFactor(0, 0)
                self._columns.setSizes([width, first - width, *others])
            else:
                self._panel.setParent(self._over)
                # It lay beside the text without being asked for; over the text it has to be.
                self._wanted = False
        is_seen = self._wanted and self._panel.root is not None
        if not beside and is_seen:
            self._lay_over()
        if is_seen == self._panel.isHidden():
            self._panel.setVisible(is_seen)
            self.shown_changed.emit(is_seen)
        if is_seen and not beside:
            self._panel.raise_()

    def _lay_over(self) -> None:
        width = min(self._theme.pixels(OVER_PX), self._over.width())
        self._panel.setGeometry(0, 0, width, self._over.height())
