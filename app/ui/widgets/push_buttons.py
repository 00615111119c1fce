"""Push buttons that Return presses, too, and the one that shows what is chosen of its menu."""

from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QPushButton, QStyle, QStyleOptionButton, QStylePainter, QWidget


class PushButton(QPushButton):
    """Answers to Return as to Space where it has the keyboard; Qt lets it outside dialogs only if told so."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setAutoDefault(True)


class MenuButton(PushButton):
    """Draws its words where its padding says. Qt begins them at the frame where a button has a menu."""

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the frame with the menu's arrow, then the words as those of a button without a menu."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option)
        option.features &= ~QStyleOptionButton.ButtonFeature.HasMenu
        option.rect = self.style().subElementRect(QStyle.SubElement.SE_PushButtonContents, option, self)
        painter.drawControl(QStyle.ControlElement.CE_PushButtonLabel, option)
