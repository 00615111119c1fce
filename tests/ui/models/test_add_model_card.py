"""The card where a model is named."""

from pytestqt.qtbot import QtBot

from app.ui.base.theme import Theme
from app.ui.models.add_model_card import AddModelCard
from tests.support.widgets import click, double_click, seen_button


def test_a_double_click_on_get_does_not_stop_it(qtbot: QtBot, theme: Theme) -> None:
    card = AddModelCard(theme)
    qtbot.addWidget(card)
    card.show()
    card.field.setText("owner/name")
    told: list[str] = []
    card.add_asked.connect(lambda text, _: (told.append(text), card.set_busy(True)))
    card.stop_asked.connect(lambda: told.append("stop"))
    double_click(seen_button(card, "Get"))
    assert told == ["owner/name"]
    click(seen_button(card, "Stop"))
    assert told == ["owner/name", "stop"]
