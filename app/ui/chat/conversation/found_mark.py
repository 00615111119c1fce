"""A bar beside a message that was looked for; it goes by itself."""

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QFrame, QWidget

from app.ui.base.theme import Theme

SHOWN_MS = 4000
WIDTH_PX = 3


class Mark(QFrame):
    """Marks `widget` for some seconds. GUI thread."""

    def __init__(self, widget: QWidget, theme: Theme) -> None:
        super().__init__(widget)
        self._widget = widget
        self.setStyleSheet(f"background: {theme.colours.accent}; border: none; border-radius: 1px;")
        widget.installEventFilter(self)
        self._fit()
        self.show()
        QTimer.singleShot(SHOWN_MS, self, self.deleteLater)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stay as high as the message."""
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return False

    def _fit(self) -> None:
        self.setGeometry(0, 0, WIDTH_PX, self._widget.height())
