"""Cards of the settings as somebody sees them."""

from PySide6.QtWidgets import QDoubleSpinBox, QLineEdit

from app.ui.settings.chat_states_card import ChatStatesCard
from tests.support.widgets import seen


def most_space(card: ChatStatesCard) -> QLineEdit:
    """The field in which the space for chats is typed."""
    return seen(card, QDoubleSpinBox, "Disk space for this").lineEdit()
