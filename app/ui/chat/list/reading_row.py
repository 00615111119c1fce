"""A file of chats that is being read, with a way to end that."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.ui.widgets.card import button
from app.ui.widgets.elided_label import ElidedLabel

SHOWN_AFTER_MS = 300
"""Most files are read sooner."""


class ReadingRow(QWidget):
    """Names the file. GUI thread."""

    given_up = Signal()
    """The file is not to be read any more."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        said = ElidedLabel("small")
        said.setText(self.tr("Reading {name}").format(name=name))
        stop = button(self.tr("Cancel"), "quiet", tip=self.tr("Read the file no further; no chat is added"))
        stop.clicked.connect(self.given_up)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.addWidget(said, 1)
        layout.addWidget(stop)
        self.hide()
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_AFTER_MS)
        self._timer.timeout.connect(self.show)
        self._timer.start()

    def end(self) -> None:
        """Go: the file is read, or is not to be."""
        self._timer.stop()
        self.hide()
        self.deleteLater()
