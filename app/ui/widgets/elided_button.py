"""A button that shortens its words instead of asking for room."""

from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy

from app.ui.base.plain_text import plain, set_tip
from app.ui.widgets.push_buttons import MenuButton

EDGES_PX = 44


class ElidedButton(MenuButton):
    """As wide as its column, whatever its words; all of them are in the tool tip. GUI thread."""

    def __init__(self, words: str = "", kind: Literal["plain", "quiet", "choice"] = "plain") -> None:
        super().__init__()
        self._words = ""
        self.setProperty("kind", kind)
        self.setStyleSheet("text-align: left;")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_words(words)

    @property
    def words(self) -> str:
        """All of them."""
        return self._words

    def set_words(self, words: str, spoken: str = "") -> None:
        """Say this, as far as there is room; `spoken` is its name for a screen reader where it is longer."""
        self._words = words = plain(words)
        set_tip(self, words)
        self.setAccessibleName(spoken or words)
        self._fit()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Next to no width; the height of a button."""
        return QSize(40, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width has room for other words."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.width() - EDGES_PX
        shown = self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, room)
        self.setText(shown.replace("&", "&&"))
