"""The tabs of the open files: their names, which are not saved, how one is closed."""

from functools import partial

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QMouseEvent
from PySide6.QtWidgets import QTabBar, QToolButton, QWidget

from app.ui.base import shortcuts
from app.ui.base.add_action import with_keys
from app.ui.base.plain_text import plain_tip, set_tip
from app.ui.base.resource_words import enumerated
from app.ui.base.theme import Theme
from models.system.shown_text import shown

ICON_PX = 12
LEAST_WIDTH_PX = 150
NAME_CHARACTERS = 28
PATH_CHARACTERS = 400


class FileTabs(QTabBar):
    """A tab for each open file, in the user's order. GUI thread only."""

    close_wanted = Signal(int)
    """The tab at this place is to be closed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setMovable(True)
        self.setExpanding(False)
        self.setDrawBase(False)
        self.setDocumentMode(True)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMinimumWidth(LEAST_WIDTH_PX)
        self.setAccessibleName(self.tr("Open files"))
        self.setProperty("kind", "files")
        theme.changed.connect(self._draw_icons)

    def add_file(self, title: str) -> int:
        """Put a tab at the end, and give its place."""
        index = self.addTab(title)
        close = QToolButton(self)
        close.setProperty("kind", "quiet")
        close.setAutoRaise(True)
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.setAccessibleName(self.tr("Close the file"))
        set_tip(close, with_keys(self.tr("Close the file"), shortcuts.CLOSE))
        close.setIconSize(QSize(ICON_PX, ICON_PX))
        close.clicked.connect(partial(self._on_close_clicked, close))
        self.setTabButton(index, QTabBar.ButtonPosition.RightSide, close)
        self._draw_icons()
        return index

    def show_file(self, index: int, title: str, path: str, *, unsaved: bool, waits: bool) -> None:
        """Show how a file is now; `waits` says that changes in it wait to be accepted."""
        name = shown(title, NAME_CHARACTERS).replace("&", "&&")
        self.setTabText(index, f"{name} •" if unsaved else name)
        states = [
            *([self.tr("not saved")] if unsaved else []),
            *([self.tr("changes wait to be accepted")] if waits else []),
        ]
        self.setTabToolTip(index, plain_tip("\n".join([shown(path or title, PATH_CHARACTERS), *states])))
        self.setAccessibleTabName(index, enumerated([shown(title), *states]))
        self.setTabIcon(index, self._theme.icon("git-diff", "accent") if waits else QIcon())

    def minimumTabSizeHint(self, index: int) -> QSize:  # noqa: N802 - Qt's name
        """Rather scroll than shorten the names, which are short already."""
        return self.tabSizeHint(index)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Close with the middle button."""
        if event.button() == Qt.MouseButton.MiddleButton:
            index = self.tabAt(event.position().toPoint())
            if index >= 0:
                self.close_wanted.emit(index)
                return
        super().mouseReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Another size of the text asks for other icons."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._draw_icons()

    def _on_close_clicked(self, close: QToolButton) -> None:
        for index in range(self.count()):
            if self.tabButton(index, QTabBar.ButtonPosition.RightSide) is close:
                self.close_wanted.emit(index)
                return

    def _draw_icons(self) -> None:
        for index in range(self.count()):
            close = self.tabButton(index, QTabBar.ButtonPosition.RightSide)
            if isinstance(close, QToolButton):
                close.setIcon(self._theme.icon("x"))
