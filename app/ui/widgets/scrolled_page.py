"""The content of an area that scrolls downwards."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QWidget


class ScrolledPage(QWidget):
    """As high as its words take in the width that it has.

    A scroll area makes its content at least as high as its smallest size, for which Qt breaks each text into
    short lines: in a wide window the page would end in empty room.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Leave the height to the width, where it depends on it."""
        hint = super().minimumSizeHint()
        layout = self.layout()
        is_left = layout is not None and layout.hasHeightForWidth()
        return QSize(hint.width(), 0) if is_left else hint
