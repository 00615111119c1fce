"""The words over a place while files are dragged onto it, and what comes of them when they are let go."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.ui.widgets.card import label

EDGE_PX = 12


class DropVeil(QFrame):
    """Lies over its parent while something is dragged onto `catcher` (the parent, unless it is given) of
    which `takes` finds files; `drop` gets these. The rest goes on to the widgets behind. GUI thread."""

    def __init__(
        self,
        parent: QWidget,
        text: str,
        takes: Callable[[QMimeData], Sequence[Path]],
        drop: Callable[[Sequence[Path]], object],
        catcher: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._below = parent
        self._takes = takes
        self._drop = drop
        self.setProperty("look", "veil")
        # The drag goes on below.
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        words = label(text, "title", wrap=True)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        QVBoxLayout(self).addWidget(words)
        self.hide()
        catcher = catcher or parent
        catcher.setAcceptDrops(True)
        catcher.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Look at what is dragged onto the catcher."""
        if isinstance(event, QDragEnterEvent):
            if not self._takes(event.mimeData()):
                return False
            _accept_copy(event)
            self._lay_over()
            return True
        if event.type() == QEvent.Type.DragLeave:
            self.hide()
        elif event.type() == QEvent.Type.DragMove and isinstance(event, QDropEvent) and self.isVisible():
            _accept_copy(event)
            return True
        elif isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            self.hide()
            _accept_copy(event)
            self._drop(self._takes(event.mimeData()))
            return True
        return False

    def _lay_over(self) -> None:
        """Cover the parent, but for a narrow edge."""
        self.setGeometry(self._below.rect().adjusted(EDGE_PX, EDGE_PX, -EDGE_PX, -EDGE_PX))
        self.raise_()
        self.show()


def _accept_copy(event: QDropEvent) -> None:
    """Take what is dragged as a copy, whatever is proposed: who is told that his files were moved deletes
    them, as Windows' Explorer does after a drag with Shift."""
    event.setDropAction(Qt.DropAction.CopyAction)
    event.accept()
