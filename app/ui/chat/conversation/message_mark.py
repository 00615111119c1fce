"""A line beside the message that was gone to."""

import shiboken6
from PySide6.QtCore import QEvent, QObject, QPoint, QTimer
from PySide6.QtWidgets import QFrame, QWidget

from app.ui.base.theme import Theme

SHOWN_MS = 4000
WIDTH_PX, GAP_PX = 3, 9


class MessageMark(QFrame):
    """Stands for some seconds at the left of `message`, in the margin of `page`: a reply's text begins at its
    very edge. GUI thread."""

    def __init__(self, message: QWidget, page: QWidget, theme: Theme) -> None:
        super().__init__(page)
        self._page = page
        self.message = message
        """The widget that is marked."""
        self.setStyleSheet(f"background: {theme.colours.accent}; border: none; border-radius: 1px;")
        message.installEventFilter(self)
        column = message.parentWidget()
        if column is not None:
            # The messages move with it, too.
            column.installEventFilter(self)
        message.destroyed.connect(self.deleteLater)
        self._fit()
        self.show()
        QTimer.singleShot(SHOWN_MS, self, self.deleteLater)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stay beside the message, and go when it does."""
        if not shiboken6.isValid(self.message):
            # It goes with it, in a moment.
            return False
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize):
            self._fit()
        elif watched is self.message and event.type() == QEvent.Type.HideToParent:
            self.deleteLater()
        return False

    def _fit(self) -> None:
        corner = self.message.mapTo(self._page, QPoint())
        self.setGeometry(corner.x() - GAP_PX - WIDTH_PX, corner.y(), WIDTH_PX, self.message.height())
