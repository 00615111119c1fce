"""The window's plainest building blocks: cards, typed labels and weighted buttons."""

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.ui.base.plain_text import PlainLabel, set_tip
from app.ui.widgets.push_buttons import MenuButton, PushButton

LabelLook = Literal[
    "body", "title", "figure", "unit", "caption", "muted", "small", "good", "warning", "danger"
]
ButtonKind = Literal["plain", "primary", "quiet", "inline", "danger", "tab", "choice"]
NUMBER_MARGINS_PX = (8, 0, 4, 0)
"""Text margins of a number field's line edit: Qt leaves a style sheet's padding out there."""
FrameLook = Literal["card", "code", "sunken", "side", "side-left", "side-right", "rule", "notice", "toast"]


class Card(QFrame):
    """A frame with rounded corners and a vertical layout, `body`, for its content."""

    def __init__(
        self, parent: QWidget | None = None, *, look: FrameLook = "card", margin_px: int = 16
    ) -> None:
        super().__init__(parent)
        self.setProperty("look", look)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin_px, margin_px, margin_px, margin_px)
        self.body.setSpacing(8)


def label(
    text: str = "", look: LabelLook = "body", *, wrap: bool = False, selectable: bool = False
) -> QLabel:
    """A label in one of the window's type styles; plain text always, so that no markup is interpreted."""
    made = PlainLabel(text)
    made.setProperty("look", look)
    made.setWordWrap(wrap)
    if wrap:
        made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    return made


def set_look(made: QWidget, look: str) -> None:
    """Change the style of a label or a frame after it was shown."""
    if made.property("look") != look:
        made.setProperty("look", look)
        made.style().unpolish(made)
        made.style().polish(made)


def button(
    text: str = "", kind: ButtonKind = "plain", *, icon: QIcon | None = None, name: str = "", tip: str = ""
) -> QPushButton:
    """A push button of the given weight. `name` is its accessible name where it shows only an icon."""
    made = MenuButton(text) if kind == "choice" else PushButton(text)
    made.setProperty("kind", kind)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    if icon is not None:
        made.setIcon(icon)
    if name or tip:
        made.setAccessibleName(name or tip)
    if tip or (name and not text):
        set_tip(made, tip or name)
    return made


def name_field(field: QWidget, name: str) -> None:
    """Give a field its name for a screen reader. Of a combo box it says the present value as the name, so
    that what is chosen there is said as its description."""
    field.setAccessibleName(name)
    if isinstance(field, QComboBox):
        field.setAccessibleDescription(name)


def rule(parent: QWidget | None = None) -> QFrame:
    """A one-pixel line across its container."""
    made = QFrame(parent)
    made.setProperty("look", "rule")
    return made
