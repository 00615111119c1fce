"""Push buttons: Return presses them, too, one shows what is chosen of its menu, rows of them, and those that
take each other's place at a click."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QPushButton,
    QStyle,
    QStyleOptionButton,
    QWidget,
)


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
        style = self.style()
        with QPainter(self) as painter:
            style.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option, painter, self)
            option.features &= ~QStyleOptionButton.ButtonFeature.HasMenu
            option.rect = style.subElementRect(QStyle.SubElement.SE_PushButtonContents, option, self)
            style.drawControl(QStyle.ControlElement.CE_PushButtonLabel, option, painter, self)


class ButtonRow(QButtonGroup):
    """Buttons of which one is chosen: the Tab key comes to that one, and arrows go to the others. Qt sees to
    it only once one of them has had the keyboard."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.buttonToggled.connect(self._choose_stop)

    def addButton(self, button: QAbstractButton, id: int = -1) -> None:  # noqa: A002, N802 - Qt's names
        """Add one, whose focus policy is set."""
        super().addButton(button, id)
        self._choose_stop()

    def _choose_stop(self) -> None:
        chosen = self.checkedButton()
        for each in self.buttons():
            with_it = each.focusPolicy() | Qt.FocusPolicy.TabFocus
            without_it = each.focusPolicy() & ~Qt.FocusPolicy.TabFocus
            each.setFocusPolicy(with_it if chosen is None or each is chosen else without_it)


class SingleClicks(QObject):
    """Keeps the second half of a double click from the buttons, one of which has just come below the mouse.
    GUI thread."""

    def __init__(self, *buttons: QAbstractButton) -> None:
        """It belongs to the first one."""
        super().__init__(buttons[0])
        for each in buttons:
            each.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Swallow a second press that comes as quickly as that of a double click."""
        return event.type() == QEvent.Type.MouseButtonDblClick
