"""Buttons of a narrow row that show their icons alone until there is room for their words again."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QPushButton, QWidget

from app.ui.base.plain_text import set_tip

ICON_GAP_PX = 4
"""Between a button's icon and its words."""


class CollapsingButtons(QObject):
    """Watches the width of `row`, whose layout holds the buttons. What they say stays in their tool tips and
    accessible names. GUI thread.
    """

    def __init__(self, row: QWidget, buttons: Sequence[QPushButton]) -> None:
        super().__init__(row)
        self._row = row
        self._words = {button: button.text() for button in buttons}
        for button, words in self._words.items():
            button.setAccessibleName(button.accessibleName() or words)
            if not button.toolTip():
                set_tip(button, button.accessibleName())
        row.installEventFilter(self)

    def set_words(self, button: QPushButton, words: str) -> None:
        """Let a button say something else."""
        self._words[button] = words
        if button.text():
            button.setText(words)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The row has another width, or something in it needs another one."""
        if watched is self._row and event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._fit()
        return False

    def _fit(self) -> None:
        layout = self._row.layout()
        if layout is None:
            return
        left_out = sum(
            button.fontMetrics().horizontalAdvance(words) + ICON_GAP_PX
            for button, words in self._words.items()
            if not button.text()
        )
        fits = layout.minimumSize().width() + left_out <= self._row.width()
        for button, words in self._words.items():
            shown = words if fits else ""
            if button.text() != shown:
                button.setText(shown)
